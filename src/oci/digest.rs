//! Content digests (image-spec, descriptor.md "Digests") and the hasher that computes them.
//!
//! Decides which algorithms are supported and how a digest is written. Invariant: a [`Digest`] holds the decoded hash, so
//! digests are equal exactly if algorithm and hash are.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Digest as _;

/// The identity of a blob or manifest: an algorithm and a hash.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Digest {
    Sha256([u8; 32]),
    /// Boxed: rare, and a batch keeps very many digests.
    Sha512(Box<[u8; 64]>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("a digest is written algorithm:hex, for example sha256: and 64 hex digits")]
    Shape,
    #[error("unknown digest algorithm {0:?}; sha256 and sha512 are supported")]
    Algorithm(String),
    #[error("a {algorithm} digest has {expected} lowercase hex digits")]
    Hex {
        algorithm: &'static str,
        expected: usize,
    },
}

impl Digest {
    /// The SHA-256 digest of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self::Sha256(sha2::Sha256::digest(content).into())
    }

    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::Sha512(_) => "sha512",
        }
    }

    /// The hash as lowercase hex, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        match self {
            Self::Sha256(hash) => hex::encode(hash),
            Self::Sha512(hash) => hex::encode(hash.as_slice()),
        }
    }

    /// The first 12 hex digits, as other tools print them.
    #[must_use]
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(12);
        hex
    }

    /// A hasher of this digest's algorithm.
    #[must_use]
    pub fn hasher(&self) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(sha2::Sha256::new()),
            Self::Sha512(_) => Hasher::Sha512(Box::default()),
        }
    }
}

/// A running hash. A clone saves its state, so that a cut stream can be resumed at that byte.
#[derive(Clone)]
pub enum Hasher {
    Sha256(sha2::Sha256),
    Sha512(Box<sha2::Sha512>),
}

impl Hasher {
    pub fn update(&mut self, content: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(content),
            Self::Sha512(hasher) => hasher.update(content),
        }
    }

    #[must_use]
    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::Sha256(hasher.finalize().into()),
            Self::Sha512(hasher) => Digest::Sha512(Box::new(hasher.finalize().into())),
        }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        fn decode<const N: usize>(
            algorithm: &'static str,
            text: &str,
        ) -> Result<[u8; N], DigestError> {
            let mut hash = [0; N];
            let lowercase = !text.bytes().any(|byte| byte.is_ascii_uppercase());
            match hex::decode_to_slice(text, &mut hash) {
                Ok(()) if lowercase => Ok(hash),
                _ => Err(DigestError::Hex {
                    algorithm,
                    expected: 2 * N,
                }),
            }
        }
        match text.split_once(':').ok_or(DigestError::Shape)? {
            ("sha256", hash) => decode("sha256", hash).map(Self::Sha256),
            ("sha512", hash) => decode("sha512", hash).map(|hash| Self::Sha512(Box::new(hash))),
            (other, _) => Err(DigestError::Algorithm(other.into())),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_writes() {
        for text in [
            format!("sha256:{}", "0f".repeat(32)),
            format!("sha512:{}", "a1".repeat(64)),
        ] {
            assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn wrong_digests_say_what_is_wrong() {
        let digest = |text: &str| text.parse::<Digest>().unwrap_err();
        assert_eq!(digest("abc"), DigestError::Shape);
        assert_eq!(digest("md5:abc"), DigestError::Algorithm("md5".into()));
        assert!(matches!(digest("sha256:abc"), DigestError::Hex { .. }));
        assert!(matches!(
            digest(&format!("sha256:{}", "0F".repeat(32))),
            DigestError::Hex { .. }
        ));
    }

    #[test]
    fn hashing_in_pieces_gives_the_digest_of_the_whole() {
        let mut hasher = Digest::of(b"").hasher();
        hasher.update(b"ab");
        let mut saved = hasher.clone();
        hasher.update(b"X");
        saved.update(b"c");
        assert_eq!(saved.finish(), Digest::of(b"abc"));
    }
}
