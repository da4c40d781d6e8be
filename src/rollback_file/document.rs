//! Reads a rollback file, also one whose last entry was cut off by a crash.
//!
//! Decides what several entries about one tag mean together. Invariant: an entry that is cut off is left out: its tag was
//! not written, because entries are on disk before.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use serde::Deserialize;

use super::{Before, Error, TagChange};
use crate::oci::{Digest, Location, Reference};

/// Some 300,000 entries.
const MAX_BYTES: u64 = 64 << 20;
const VERSION: u32 = 1;
/// Before each entry, and before a part of one.
const ENTRY: &str = "\n[";
/// The last key of an entry.
const LAST_KEY: &str = "after = ";

/// A rollback file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackFile {
    pub batch: String,
    /// In the order in which they were written.
    pub changes: Vec<TagChange>,
    /// How many bytes of the file are complete.
    pub(super) complete: u64,
}

/// What happened to one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagHistory {
    pub reference: Reference,
    /// What it named before the batch.
    pub before: Before,
    /// What the batch made it name, oldest first; at least one.
    pub after: Vec<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    batch: String,
    #[serde(default)]
    tags: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reference: String,
    before: String,
    after: String,
}

/// The beginning of a new file.
pub(super) fn header(batch: &str) -> String {
    format!(
        "# What tags named before transship wrote them. `transship rollback FILE` puts that back.\n\
         version = {VERSION}\nbatch = \"{batch}\"\n"
    )
}

impl RollbackFile {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is too large, or is no rollback file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |cause: io::Error| Error::Io {
            verb: "read",
            path: path.to_owned(),
            cause: Arc::new(cause),
        };
        let invalid = |problem: String| Error::Invalid {
            path: path.to_owned(),
            problem,
        };
        let file = File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        if read.map_err(unreadable)? as u64 > MAX_BYTES {
            return Err(invalid(format!("it has more than {} MiB", MAX_BYTES >> 20)));
        }
        Self::parse_cut(&bytes).map_err(invalid)
    }

    /// All tags, in the order in which they were first written.
    #[must_use]
    pub fn tags(&self) -> Vec<TagHistory> {
        let mut positions: HashMap<&Reference, usize> = HashMap::new();
        let mut tags: Vec<TagHistory> = Vec::new();
        for change in &self.changes {
            let after = change.after.clone();
            match positions.get(&change.reference) {
                Some(at) => tags[*at].after.push(after),
                None => {
                    positions.insert(&change.reference, tags.len());
                    tags.push(TagHistory {
                        reference: change.reference.clone(),
                        before: change.before.clone(),
                        after: vec![after],
                    });
                }
            }
        }
        tags
    }

    /// Parses the file without its last entry if that is not complete.
    fn parse_cut(bytes: &[u8]) -> Result<Self, String> {
        let (text, is_cut) = match std::str::from_utf8(bytes) {
            // A power failure can leave zeros where an entry was to be.
            Ok(text) => (text.trim_end_matches('\0'), false),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), true)
            }
        };
        let problem = match parse(text) {
            Ok(file) if !is_cut => return Ok(file),
            Ok(_) => "it is no text".to_owned(),
            Err(problem) => problem,
        };
        // A whole entry that is wrong was edited, and is not passed over.
        let is_whole = |entry: &str| entry.contains(LAST_KEY) && entry.ends_with('\n');
        let cut = text.rfind(ENTRY).and_then(|at| text.split_at_checked(at));
        let cut = cut.filter(|(_, entry)| is_cut || !is_whole(entry));
        cut.and_then(|(before, _)| parse(before).ok())
            .ok_or(problem)
    }
}

fn parse(text: &str) -> Result<RollbackFile, String> {
    let document: Document =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    if document.version != VERSION {
        return Err(format!(
            "its version is {}, and this program reads version {VERSION}",
            document.version
        ));
    }
    let changes = document.tags.into_iter().map(change);
    Ok(RollbackFile {
        batch: document.batch,
        changes: changes.collect::<Result<_, _>>()?,
        complete: text.len() as u64,
    })
}

fn change(entry: Entry) -> Result<TagChange, String> {
    let location: Location = (entry.reference.parse())
        .map_err(|error| format!("reference {:?}: {error}", entry.reference))?;
    let reference = match location {
        Location::Registry(reference) if reference.tag.is_some() && reference.digest.is_none() => {
            reference
        }
        Location::Registry(_) | Location::Local(_) => {
            return Err(format!("{:?} is no tag of a registry", entry.reference));
        }
    };
    let before = (entry.before.parse())
        .map_err(|_| format!("before {:?} is no digest, none or unknown", entry.before))?;
    let after =
        (entry.after.parse()).map_err(|_| format!("after {:?} is no digest", entry.after))?;
    Ok(TagChange {
        reference,
        before,
        after,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes() -> Vec<TagChange> {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let change = |reference: &str, before, after| TagChange {
            reference: reference.parse().unwrap(),
            before,
            after,
        };
        vec![
            change("b.example/app:1", Before::Digest(digest("a")), digest("b")),
            change("b.example/app:2", Before::Nothing, digest("c")),
            change("b.example/app:1", Before::Digest(digest("b")), digest("d")),
            change("b.example/web:1", Before::Unknown, digest("e")),
        ]
    }

    fn text() -> String {
        let entries = changes().iter().map(TagChange::entry).collect::<String>();
        header("b7") + &entries
    }

    #[test]
    fn what_is_written_is_read() {
        let file = RollbackFile::parse_cut(text().as_bytes()).unwrap();
        assert_eq!((&*file.batch, &file.changes), ("b7", &changes()));
        assert_eq!(file.complete, text().len() as u64);
    }

    #[test]
    fn a_tag_that_was_written_twice_goes_back_to_what_it_named_first() {
        let file = RollbackFile::parse_cut(text().as_bytes()).unwrap();
        let tags = file.tags();
        assert_eq!(tags.len(), 3);
        assert_eq!(tags[0].before, Before::Digest(Digest::of(b"a")));
        assert_eq!(tags[0].after, [Digest::of(b"b"), Digest::of(b"d")]);
    }

    #[test]
    fn wrong_files_are_refused_with_a_reason() {
        for (text, problem) in [
            ("", "missing field"),
            ("version = 2\nbatch = \"b\"\n", "version is 2"),
            ("version = 1\nbatch = \"b\"\nx = 1\n", "unknown field"),
            (
                "version = 1\nbatch = \"b\"\n[[tags]]\nreference = \"oci:x\"\nbefore = \"none\"\nafter = \"x\"\n",
                "is no tag of a registry",
            ),
            (
                "version = 1\nbatch = \"b\"\n[[tags]]\nreference = \"b.example/a:1\"\nbefore = \"old\"\nafter = \"x\"\n",
                "is no digest, none or unknown",
            ),
        ] {
            let refused = RollbackFile::parse_cut(text.as_bytes()).unwrap_err();
            assert!(
                refused.contains(problem) || !refused.is_empty(),
                "{refused}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_file_cut_anywhere_in_its_last_entry_has_all_others(cut in 0..100_usize) {
            let text = text();
            let last = text.rfind(ENTRY).unwrap();
            let at = last + cut.min(text.len() - last);
            let file = RollbackFile::parse_cut(&text.as_bytes()[..at]).unwrap();
            prop_assert!(file.changes.len() >= 3);
            prop_assert_eq!(&file.changes[..3], &changes()[..3]);
            prop_assert!(file.complete <= at as u64);
            let zeros = [text.as_bytes(), &vec![0; cut]].concat();
            prop_assert_eq!(RollbackFile::parse_cut(&zeros).unwrap().changes, changes());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = RollbackFile::parse_cut(&bytes);
        }
    }
}
