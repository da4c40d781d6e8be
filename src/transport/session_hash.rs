//! The running hash of the bytes that were sent in one upload session.
//!
//! A registry that lost bytes gets them again, so the source is read again from an earlier position. Decides where
//! that read begins, and detects a source that sends other bytes than before. Invariant: the final hash is that of the
//! bytes in the session, whichever read each came from, because every read that passes the end of an earlier one
//! is compared with it there.

use crate::oci::{Digest, Hasher};

/// Bytes between two checkpoints. Older checkpoints are thinned out.
const SPACING: u64 = 64 << 10;
/// Give up a session that was cut this often without getting past its earlier cuts.
const MAX_ENDS: usize = 1024;

pub(in crate::transport) struct SessionHash {
    /// Of the bytes before `position`, as the current read returned them.
    hasher: Hasher,
    position: u64,
    /// Where a read can begin, in ascending order; the first is at 0.
    checkpoints: Vec<Checkpoint>,
    /// Where earlier reads ended; all are beyond `position`.
    ends: Vec<Checkpoint>,
}

struct Checkpoint {
    position: u64,
    hasher: Hasher,
}

/// An earlier read of the same bytes returned others.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transport) struct Changed;

impl SessionHash {
    pub(in crate::transport) fn new(digest: &Digest) -> Self {
        let hasher = digest.hasher();
        let start = Checkpoint {
            position: 0,
            hasher: hasher.clone(),
        };
        Self {
            hasher,
            position: 0,
            checkpoints: vec![start],
            ends: Vec::new(),
        }
    }

    /// The highest position that any read reached.
    pub(in crate::transport) fn max_position(&self) -> u64 {
        let ends = self.ends.iter().map(|end| end.position);
        ends.fold(self.position, u64::max)
    }

    /// Moves `position` back to `offset`, or before it by at most half the distance moved or [`SPACING`]. Returns
    /// whether that is possible. `offset` is at most [`max_position`](Self::max_position).
    pub(in crate::transport) fn go_back(&mut self, offset: u64) -> bool {
        if offset >= self.position {
            return true;
        }
        if self.ends.len() == MAX_ENDS {
            return false;
        }
        let after = (self.checkpoints).partition_point(|saved| saved.position <= offset);
        let Some(saved) = self.checkpoints[..after].last() else {
            return false;
        };
        let (position, hasher) = (saved.position, saved.hasher.clone());
        self.ends.push(Checkpoint {
            position: std::mem::replace(&mut self.position, position),
            hasher: std::mem::replace(&mut self.hasher, hasher),
        });
        true
    }

    /// Adds the next bytes.
    pub(in crate::transport) fn update(&mut self, mut chunk: &[u8]) -> Result<(), Changed> {
        while !chunk.is_empty() {
            let end = self.ends.iter().map(|end| end.position).min();
            let to_end = end.map_or(u64::MAX, |end| end - self.position);
            // At most the chunk's length, which is a usize.
            let taken =
                usize::try_from(to_end).map_or(chunk.len(), |to_end| to_end.min(chunk.len()));
            let (bytes, rest) = chunk.split_at(taken);
            self.hasher.update(bytes);
            self.position += taken as u64;
            chunk = rest;
            self.pass_ends()?;
        }
        let last = self.checkpoints.last().map_or(0, |saved| saved.position);
        if self.position >= last + SPACING {
            self.save();
        }
        Ok(())
    }

    /// The digest of the bytes before `position`; `None` while the end of an earlier read is still ahead.
    pub(in crate::transport) fn digest(&self) -> Option<Digest> {
        let complete = self.ends.is_empty();
        complete.then(|| self.hasher.clone().finish())
    }

    pub(in crate::transport) fn position(&self) -> u64 {
        self.position
    }

    /// Compares with the earlier reads that ended here.
    fn pass_ends(&mut self) -> Result<(), Changed> {
        let position = self.position;
        for end in self.ends.extract_if(.., |end| end.position == position) {
            if end.hasher.finish() != self.hasher.clone().finish() {
                return Err(Changed);
            }
        }
        Ok(())
    }

    /// Saves the current state as a checkpoint, and drops each older one whose neighbours are no farther apart than
    /// half their distance from here.
    fn save(&mut self) {
        self.checkpoints.push(Checkpoint {
            position: self.position,
            hasher: self.hasher.clone(),
        });
        let mut at = 1;
        while at + 1 < self.checkpoints.len() {
            let (before, after) = (&self.checkpoints[at - 1], &self.checkpoints[at + 1]);
            let gap = after.position - before.position;
            if gap <= (self.position - after.position) / 2 {
                self.checkpoints.remove(at);
            } else {
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn hash_of(content: &[u8]) -> SessionHash {
        SessionHash::new(&Digest::of(content))
    }

    /// Reads from where the hash is up to `end`.
    fn read(hash: &mut SessionHash, content: &[u8], end: usize) -> Result<(), Changed> {
        let position = usize::try_from(hash.position()).unwrap();
        let mut chunks = content[position..end].chunks(10_000);
        chunks.try_for_each(|chunk| hash.update(chunk))
    }

    fn content() -> Vec<u8> {
        (0..500_000u32).map(|byte| (byte % 251) as u8).collect()
    }

    #[test]
    fn what_is_read_again_and_again_has_the_digest_of_the_whole() {
        let content = content();
        let mut hash = hash_of(&content);
        for (end, back) in [
            (300_000, 120_001),
            (200_000, 199_999),
            (400_000, 7),
            (350_000, 350_000),
        ] {
            read(&mut hash, &content, end).unwrap();
            assert!(hash.go_back(back));
            assert!(hash.position() <= back);
        }
        assert_eq!(hash.max_position(), 400_000);
        read(&mut hash, &content, content.len()).unwrap();
        assert_eq!(hash.digest(), Some(Digest::of(&content)));
    }

    #[test]
    fn other_bytes_in_any_read_are_noticed() {
        let good = content();
        let mut bad = good.clone();
        bad[150_000] ^= 1;
        // Which of three reads is wrong; each ends before the one before did.
        for wrong in 0..3 {
            let content = |read| if read == wrong { &bad } else { &good };
            let mut hash = hash_of(&good);
            read(&mut hash, content(0), 300_000).unwrap();
            assert!(hash.go_back(140_000));
            read(&mut hash, content(1), 200_000).unwrap();
            assert!(hash.go_back(160_000));
            let end = read(&mut hash, content(2), good.len());
            assert_eq!(end, Err(Changed), "read {wrong}");
        }
    }

    #[test]
    fn the_digest_is_not_known_before_every_end_was_passed() {
        let content = content();
        let mut hash = hash_of(&content);
        read(&mut hash, &content, content.len()).unwrap();
        assert!(hash.go_back(content.len() as u64 - 1));
        assert_eq!(hash.digest(), None);
    }

    #[test]
    fn few_checkpoints_serve_a_large_blob_and_the_way_back_is_short() {
        let mut hash = hash_of(b"");
        while hash.position < 20_000 * MIB {
            hash.position += SPACING;
            hash.save();
        }
        assert!(hash.checkpoints.len() < 120, "{}", hash.checkpoints.len());
        for back in [1, SPACING, 3 * MIB, 100 * MIB, 9_000 * MIB] {
            let offset = hash.position - back;
            let after = (hash.checkpoints).partition_point(|saved| saved.position <= offset);
            let extra = offset - hash.checkpoints[after - 1].position;
            assert!(extra <= (back / 2).max(SPACING), "{extra} more for {back}");
        }
    }

    #[test]
    fn a_session_that_never_gets_past_its_cuts_is_given_up() {
        let content = content();
        let mut hash = hash_of(&content);
        for cut in (0..).take(MAX_ENDS) {
            read(&mut hash, &content, 2_000 - cut).unwrap();
            assert!(hash.go_back(0));
        }
        read(&mut hash, &content, 5).unwrap();
        assert!(!hash.go_back(0));
    }
}
