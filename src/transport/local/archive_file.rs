//! Opens an archive file, compressed or not.
//!
//! A compressed archive is unpacked into a file without a name, because its parts are read in any order. Blocks on the
//! disk. Invariant: the unpacked file is gone when it is closed, also when the process is killed.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use super::LocalErrorCause;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Decoders may use at most a window of 2 to the power of this, 128 MiB, as the `zstd` program does.
const MAX_ZSTD_WINDOW: u32 = 27;
const BUFFER_BYTES: usize = 256 << 10;

/// Opens the archive at `path` as a plain tar file. One that is compressed takes its uncompressed size on the disk as
/// long as it is open.
pub(super) fn open_archive(path: &Path) -> Result<File, LocalErrorCause> {
    // Opening a pipe would block.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(LocalErrorCause::Invalid("it is not a file".into()));
    }
    if metadata.len() == 0 {
        return Err(LocalErrorCause::Invalid("it is empty".into()));
    }
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    let reader = BufReader::with_capacity(BUFFER_BYTES, file);
    if magic.starts_with(&GZIP) {
        return unpack(MultiGzDecoder::new(reader), path);
    }
    if magic == ZSTD {
        let mut decoder = zstd::Decoder::with_buffer(reader)?;
        decoder.window_log_max(MAX_ZSTD_WINDOW)?;
        return unpack(decoder, path);
    }
    Ok(reader.into_inner())
}

fn unpack(mut reader: impl Read, path: &Path) -> Result<File, LocalErrorCause> {
    let file = temporary_file(path)?;
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
    // Reads and writes apart, so that each failure is explained as what it is.
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = reader.read(&mut buffer).map_err(|error| {
            LocalErrorCause::Invalid(format!("it cannot be decompressed: {error}"))
        })?;
        if read == 0 {
            break;
        }
        io::Write::write_all(&mut writer, &buffer[..read]).map_err(no_space)?;
    }
    let mut file = writer
        .into_inner()
        .map_err(|error| no_space(error.into_error()))?;
    file.rewind()?;
    Ok(file)
}

/// Beside the archive, because the directory for temporary files is often in memory; there only if the archive's
/// directory cannot be written.
fn temporary_file(path: &Path) -> io::Result<File> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    tempfile::tempfile_in(directory.unwrap_or(Path::new("."))).or_else(|_| tempfile::tempfile())
}

fn no_space(error: io::Error) -> LocalErrorCause {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            LocalErrorCause::Refused(format!(
                "it is compressed, and the disk is too small to unpack it for reading ({error}); decompress it where \
                 there is more space"
            ))
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn opened(content: &[u8]) -> Result<Vec<u8>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar");
        fs::write(&path, content).unwrap();
        let mut file = open_archive(&path).map_err(|error| error.to_string())?;
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        Ok(read)
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_compression_is_recognized_by_its_first_bytes() {
        let content = vec![7; 1_000_000];
        assert_eq!(opened(&content).unwrap(), content);
        assert_eq!(opened(&gzip(&content)).unwrap(), content);
        let zstd = zstd::encode_all(&*content, 1).unwrap();
        assert_eq!(opened(&zstd).unwrap(), content);
    }

    #[test]
    fn a_compressed_archive_that_was_cut_is_refused() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        let compressed = [gzip(&content), zstd::encode_all(&*content, 1).unwrap()];
        for compressed in compressed {
            let error = opened(&compressed[..compressed.len() / 2]).unwrap_err();
            assert!(error.starts_with("it cannot be decompressed"), "{error}");
        }
        assert_eq!(opened(b"").unwrap_err(), "it is empty");
    }

    #[test]
    fn a_directory_is_no_archive() {
        let directory = tempfile::tempdir().unwrap();
        let error = open_archive(directory.path()).unwrap_err();
        assert_eq!(error.to_string(), "it is not a file");
    }
}
