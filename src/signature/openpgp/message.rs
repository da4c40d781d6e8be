//! A signed OpenPGP message: one text and one signature of it (RFC 9580, section 10.3).
//!
//! Decides which messages are read: those that `gpg --sign` and skopeo write, compressed or not. Invariant: a message
//! with more in it than that is refused, and no more than [`MAX_BYTES`] are decompressed.

use std::io::Read as _;

use bytes::Bytes;
use pgp::{
    armor::Dearmor,
    packet::{Packet, PacketParser, Signature},
};

use super::OpenPgpError;

/// A message of an image has less than 2 KiB.
const MAX_BYTES: u64 = 1 << 20;

/// What was signed, and a signature that is still to be verified.
pub(super) struct SignedMessage {
    pub(super) text: Bytes,
    pub(super) signature: Signature,
}

impl SignedMessage {
    /// Reads a binary or an armored message.
    pub(super) fn parse(message: &[u8]) -> Result<Self, OpenPgpError> {
        if message.len() as u64 > MAX_BYTES {
            return Err(OpenPgpError::TooLarge(MAX_BYTES));
        }
        let packets = match message.starts_with(b"-----BEGIN PGP") {
            true => packets(&read(Dearmor::new(message))?)?,
            false => packets(message)?,
        };
        match <[Packet; 1]>::try_from(packets) {
            Ok([Packet::CompressedData(compressed)]) => {
                let decompressed = compressed.decompress().map_err(malformed)?;
                Self::of(self::packets(&read(decompressed)?)?)
            }
            Ok([_]) => Err(OpenPgpError::Shape("it has no signature")),
            Err(packets) => Self::of(packets),
        }
    }

    fn of(packets: Vec<Packet>) -> Result<Self, OpenPgpError> {
        let kinds = "it has other parts than one text and one signature";
        let (literal, signature) = match <[Packet; 3]>::try_from(packets) {
            Ok(
                [
                    Packet::OnePassSignature(_),
                    Packet::LiteralData(literal),
                    Packet::Signature(signature),
                ],
            ) => (literal, signature),
            Ok(_) => return Err(OpenPgpError::Shape(kinds)),
            Err(packets) => match <[Packet; 2]>::try_from(packets) {
                Ok([Packet::Signature(signature), Packet::LiteralData(literal)]) => {
                    (literal, signature)
                }
                Ok(_) | Err(_) => return Err(OpenPgpError::Shape(kinds)),
            },
        };
        Ok(Self {
            text: literal.into_bytes(),
            signature,
        })
    }
}

fn packets(bytes: &[u8]) -> Result<Vec<Packet>, OpenPgpError> {
    let packets: Result<Vec<Packet>, _> = PacketParser::new(bytes).collect();
    packets.map_err(malformed)
}

fn read(content: impl std::io::Read) -> Result<Vec<u8>, OpenPgpError> {
    let mut bytes = Vec::new();
    let read = content.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(malformed)?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(OpenPgpError::TooLarge(MAX_BYTES)),
        false => Ok(bytes),
    }
}

fn malformed(error: impl std::fmt::Display) -> OpenPgpError {
    OpenPgpError::Malformed(error.to_string())
}
