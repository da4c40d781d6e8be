//! The tar file that an archive is packed into.
//!
//! Decides headers, and what counts as packed after a kill: whole entries in a row from the start. All functions block
//! on the disk. Invariant: the same files in the same order give the same bytes.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use tar::{EntryType, Header};

const RECORD_BYTES: u64 = 512;
const COPY_BYTES: usize = 1 << 20;

pub(super) struct PartialTar {
    file: File,
    kept: Vec<String>,
}

impl PartialTar {
    /// Opens or creates the file. Keeps the entries from its start on for which `keep` is true, and cuts off the rest.
    pub(super) fn open(path: &Path, keep: impl Fn(&str) -> bool) -> io::Result<Self> {
        let mut file = (File::options().read(true).write(true).create(true))
            .truncate(false)
            .open(path)?;
        let mut kept = Vec::new();
        let length = file.metadata()?.len();
        let mut end = 0;
        while let Some((name, next)) = read_entry(&mut file, end, length)? {
            if !keep(&name) {
                break;
            }
            kept.push(name);
            end = next;
        }
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(Self { file, kept })
    }

    /// The entries that were kept.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(String::as_str)
    }

    /// Appends the file `content` as `name`, synced.
    pub(super) fn append_file(&mut self, name: &str, content: &mut File) -> io::Result<()> {
        let size = content.metadata()?.len();
        self.append(name, size, content)?;
        self.file.sync_data()
    }

    pub(super) fn append_bytes(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.append(name, content.len() as u64, &mut &*content)
    }

    /// Writes the end of the archive, synced.
    pub(super) fn finish(mut self) -> io::Result<()> {
        io::Write::write_all(&mut self.file, &[0; 2 * RECORD_BYTES as usize])?;
        self.file.sync_all()
    }

    fn append(&mut self, name: &str, size: u64, content: &mut impl Read) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_path(name)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        io::Write::write_all(&mut self.file, header.as_bytes())?;
        let mut content = io::BufReader::with_capacity(COPY_BYTES, content.take(size));
        if io::copy(&mut content, &mut self.file)? != size {
            let problem = format!("{name} became shorter");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
        }
        let padding = vec![0; usize::try_from(padded(size) - size).unwrap_or_default()];
        io::Write::write_all(&mut self.file, &padding)?;
        Ok(())
    }
}

/// The name of the entry at `start`, and where it ends; `None` if none is there as a whole.
fn read_entry(file: &mut File, start: u64, length: u64) -> io::Result<Option<(String, u64)>> {
    let content = start + RECORD_BYTES;
    if content > length {
        return Ok(None);
    }
    let mut record = [0; RECORD_BYTES as usize];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut record)?;
    let header = Header::from_byte_slice(&record);
    let mut checked = header.clone();
    checked.set_cksum();
    let (Ok(size), Ok(name)) = (header.entry_size(), header.path()) else {
        return Ok(None);
    };
    let is_whole = checked.cksum().ok() == header.cksum().ok();
    let end = size
        .checked_next_multiple_of(RECORD_BYTES)
        .and_then(|size| content.checked_add(size));
    Ok(match end {
        Some(end) if is_whole && end <= length => Some((name.to_string_lossy().into_owned(), end)),
        Some(_) | None => None,
    })
}

fn padded(size: u64) -> u64 {
    size.next_multiple_of(RECORD_BYTES)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NAMES: [&str; 3] = ["a.tar", "b.tar", "c.tar"];

    fn content(name: &str) -> Vec<u8> {
        name.repeat(300).into_bytes()
    }

    fn write(path: &Path) {
        let mut tar = PartialTar::open(path, |_| true).unwrap();
        for name in NAMES {
            tar.append_bytes(name, &content(name)).unwrap();
        }
        tar.finish().unwrap();
    }

    #[test]
    fn every_reader_of_tar_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tar");
        write(&path);
        let mut archive = tar::Archive::new(File::open(&path).unwrap());
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut read = Vec::new();
            entry.read_to_end(&mut read).unwrap();
            assert_eq!(read, content(&name));
            names.push(name);
        }
        assert_eq!(names, NAMES);
    }

    #[test]
    fn after_a_cut_at_any_byte_whole_entries_stay_and_the_rest_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tar");
        write(&path);
        let whole = fs::read(&path).unwrap();
        let entry = whole.len() / 3;
        for length in (0..whole.len()).step_by(400).chain([whole.len()]) {
            fs::write(&path, &whole[..length]).unwrap();
            let mut tar = PartialTar::open(&path, |_| true).unwrap();
            let kept = tar.names().count();
            assert!(
                kept == NAMES.len() || kept <= length / entry + 1,
                "{length}"
            );
            for name in &NAMES[kept..] {
                tar.append_bytes(name, &content(name)).unwrap();
            }
            tar.finish().unwrap();
            assert!(fs::read(&path).unwrap() == whole, "cut at {length}");
        }
    }

    #[test]
    fn an_entry_that_is_not_to_be_kept_ends_what_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tar");
        write(&path);
        let tar = PartialTar::open(&path, |name| name != "b.tar").unwrap();
        assert_eq!(tar.names().collect::<Vec<_>>(), ["a.tar"]);
    }

    #[test]
    fn what_is_no_archive_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tar");
        fs::write(&path, vec![b'x'; 5000]).unwrap();
        let tar = PartialTar::open(&path, |_| true).unwrap();
        assert_eq!(tar.names().count(), 0);
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}
