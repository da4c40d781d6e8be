//! The fingerprint of an OpenPGP key.
//!
//! Decides how an operator may write it: with spaces, in either case, after `0x`. Invariant: it is a whole fingerprint,
//! never a short key id, which anybody can make a key for.

use std::{fmt, str::FromStr};

/// The fingerprint of a primary key or a subkey.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(Vec<u8>);

/// Why a text is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no fingerprint of an OpenPGP key, which has 40 or 64 hex digits; `gpg --list-keys` shows it"
)]
pub struct FingerprintError(String);

impl Fingerprint {
    pub(super) fn of(key: &impl pgp::types::KeyDetails) -> Self {
        Self(key.fingerprint().as_bytes().to_vec())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = digits.strip_prefix("0x").unwrap_or(&digits);
        match hex::decode(digits) {
            Ok(bytes) if matches!(bytes.len(), 20 | 32) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(FingerprintError(text.into())),
        }
    }
}

/// In upper case, as GnuPG prints it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_people_write_it() {
        let plain: Fingerprint = "1D8230F6CDB6A06716E414C1DB72F2188BB46CC8".parse().unwrap();
        let spaced = "0x1d82 30f6 cdb6 a067 16e4  14c1 db72 f218 8bb4 6cc8";
        assert_eq!(spaced.parse(), Ok(plain.clone()));
        assert_eq!(
            plain.to_string(),
            "1D8230F6CDB6A06716E414C1DB72F2188BB46CC8"
        );
    }

    #[test]
    fn a_key_id_or_a_name_is_no_fingerprint() {
        for text in ["8BB46CC8", "DB72F2188BB46CC8", "me@example.com", ""] {
            text.parse::<Fingerprint>().unwrap_err();
        }
    }
}
