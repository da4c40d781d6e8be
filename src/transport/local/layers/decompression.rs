//! Decompresses a layer file.
//!
//! Decides the compression by the first bytes, because media types are often wrong. Blocks on the disk. Invariants:
//! memory is bounded whatever the layer unpacks to; the disk is not filled.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, Write},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use super::{super::LocalErrorCause, free_space::unpack_limit};
use crate::oci::Digest;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Decoders may use at most a window of 2 to the power of this, 128 MiB, as the `zstd` program does.
const MAX_ZSTD_WINDOW: u32 = 27;
const BUFFER_BYTES: usize = 256 << 10;

/// What a layer file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transport::local) enum PlainLayer {
    /// It is not compressed; nothing was written.
    AsStored { diff_id: Digest },
    /// It was decompressed.
    Decompressed { diff_id: Digest },
}

/// Decompresses the file `stored` into the new file `plain`, if it is compressed.
pub(in crate::transport::local) fn decompress(
    stored: &Path,
    plain: &Path,
) -> Result<PlainLayer, LocalErrorCause> {
    let directory = plain.parent().unwrap_or(Path::new("."));
    decompress_within(stored, plain, unpack_limit(directory)?)
}

fn decompress_within(
    stored: &Path,
    plain: &Path,
    limit: u64,
) -> Result<PlainLayer, LocalErrorCause> {
    let mut file = File::open(stored)?;
    let mut magic = Vec::new();
    (&file).take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    let reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let diff_id = if magic.starts_with(&GZIP) {
        unpack(
            MultiGzDecoder::new(reader),
            &mut File::create_new(plain)?,
            limit,
        )
    } else if magic == ZSTD {
        let mut decoder = zstd::Decoder::with_buffer(reader)?;
        decoder.window_log_max(MAX_ZSTD_WINDOW)?;
        unpack(decoder, &mut File::create_new(plain)?, limit)
    } else {
        let diff_id = unpack(reader, &mut io::sink(), u64::MAX)?;
        return Ok(PlainLayer::AsStored { diff_id });
    }?;
    Ok(PlainLayer::Decompressed { diff_id })
}

fn unpack(
    mut reader: impl Read,
    writer: &mut impl Write,
    limit: u64,
) -> Result<Digest, LocalErrorCause> {
    let mut hasher = Digest::of(&[]).hasher();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut unpacked: u64 = 0;
    loop {
        // Reads and writes apart, so that each failure is explained as what it is.
        let read = reader.read(&mut buffer).map_err(|error| {
            LocalErrorCause::Invalid(format!("a layer cannot be decompressed: {error}"))
        })?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        unpacked += read as u64;
        if unpacked > limit {
            return Err(LocalErrorCause::Refused(format!(
                "a layer unpacks to more than {limit} bytes, which is what the disk has room for; make room, or use \
                 another disk"
            )));
        }
        hasher.update(&buffer[..read]);
        writer.write_all(&buffer[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        zstd::encode_all(content, 1).unwrap()
    }

    /// The layer, and the plain file if there is one.
    fn decompressed(content: &[u8], limit: u64) -> Result<(PlainLayer, Option<Vec<u8>>), String> {
        let directory = tempfile::tempdir().unwrap();
        let [stored, plain] = ["stored", "plain"].map(|name| directory.path().join(name));
        fs::write(&stored, content).unwrap();
        let layer = decompress_within(&stored, &plain, limit).map_err(|error| error.to_string())?;
        Ok((layer, fs::read(plain).ok()))
    }

    #[test]
    fn every_compression_is_recognized() {
        let content = b"content ".repeat(50_000);
        let diff_id = Digest::of(&content);
        let members = [gzip(&content[..1000]), gzip(&content[1000..])].concat();
        let frames = [zstd(&content[..1000]), zstd(&content[1000..])].concat();
        for stored in [members, frames] {
            let (layer, plain) = decompressed(&stored, u64::MAX).unwrap();
            let diff_id = diff_id.clone();
            assert_eq!(layer, PlainLayer::Decompressed { diff_id });
            assert!(plain.unwrap() == content);
        }
        for stored in [&content[..], b"", b"abc"] {
            let (layer, plain) = decompressed(stored, u64::MAX).unwrap();
            let diff_id = Digest::of(stored);
            assert_eq!(layer, PlainLayer::AsStored { diff_id });
            assert_eq!(plain, None);
        }
    }

    #[test]
    fn a_layer_that_unpacks_to_more_than_the_limit_is_refused() {
        let zeros = vec![0; 5_000_000];
        for stored in [gzip(&zeros), zstd(&zeros)] {
            let error = decompressed(&stored, 4_000_000).unwrap_err();
            assert!(
                error.contains("unpacks to more than 4000000 bytes"),
                "{error}"
            );
            decompressed(&stored, 5_000_000).unwrap();
        }
    }

    #[test]
    fn a_layer_that_was_cut_is_refused() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        for stored in [gzip(&content), zstd(&content)] {
            let error = decompressed(&stored[..stored.len() / 2], u64::MAX).unwrap_err();
            assert!(
                error.starts_with("a layer cannot be decompressed"),
                "{error}"
            );
        }
    }
}
