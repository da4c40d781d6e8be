//! Which files a tar archive has, and where in it their bytes are.
//!
//! The headers are read once from front to back. Nothing is extracted. All functions block on the disk. Invariants: a
//! name stands for one file, because readers differ in which of two they take; no name and no link leads out of the
//! archive; memory is bounded however the archive is made.

use std::{
    cell::Cell,
    collections::{HashMap, hash_map::Entry as MapEntry},
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Component, Path},
    sync::Arc,
};

use tar::{Archive, EntryType};

use super::{LocalErrorCause, section::Section};

/// More than any archive of images has: each costs some hundred bytes of memory.
const MAX_ENTRIES: usize = 200_000;
/// Bytes of all names and links together.
const MAX_NAME_BYTES: usize = 32 << 20;
/// Bytes of the headers of one entry, with its long name and its extended attributes.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Links that lead to links.
const MAX_LINKS: usize = 8;

/// The files of one archive.
#[derive(Clone, Debug)]
pub(super) struct TarIndex {
    path: Arc<Path>,
    file: Arc<File>,
    entries: Arc<HashMap<String, Entry>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    File { start: u64, size: u64 },
    Link(String),
}

/// Where the path of an entry leads.
enum Name {
    /// Without `./`, with every `..` resolved.
    Inside(String),
    Root,
    Outside,
    /// Not text. Nothing that is looked up has such a name.
    NoText,
}

/// A reader that fails when the headers of one entry take too many bytes.
struct HeaderReader<'a> {
    file: BufReader<File>,
    budget: &'a Cell<u64>,
}

impl TarIndex {
    /// Reads the headers of `file`, a plain tar archive. `path` is where errors say that it is.
    ///
    /// # Errors
    /// If it is no tar archive, ends early, has a name twice, leads outside, or has too many entries.
    pub(super) fn read(file: File, path: &Path) -> Result<Self, LocalErrorCause> {
        let entries = read_entries(file.try_clone()?)?;
        Ok(Self {
            path: path.into(),
            file: Arc::new(file),
            entries: Arc::new(entries),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is an entry `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The names of all files and links, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The bytes of the file `name`, following links; `None` if there is none.
    pub(super) fn file(&self, name: &str) -> Result<Option<Section>, LocalErrorCause> {
        let mut at = name;
        for _ in 0..=MAX_LINKS {
            match self.entries.get(at) {
                Some(Entry::File { start, size }) => {
                    let section = Section::new(Arc::clone(&self.file), *start, *size);
                    return Ok(Some(section));
                }
                Some(Entry::Link(target)) => at = target,
                None if at == name => return Ok(None),
                None => {
                    return Err(LocalErrorCause::Invalid(format!(
                        "the link {name:?} leads to {at:?}, which is not in the archive"
                    )));
                }
            }
        }
        let problem = format!("the link {name:?} leads in circles");
        Err(LocalErrorCause::Invalid(problem))
    }
}

fn read_entries(mut file: File) -> Result<HashMap<String, Entry>, LocalErrorCause> {
    let length = file.metadata()?.len();
    file.rewind()?;
    let budget = Cell::new(MAX_HEADER_BYTES);
    let reader = HeaderReader {
        file: BufReader::new(file),
        budget: &budget,
    };
    let mut archive = Archive::new(reader);
    let mut entries = HashMap::new();
    let mut name_bytes = 0;
    for entry in archive.entries_with_seek().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        budget.set(MAX_HEADER_BYTES);
        let Some((name, found)) = read_entry(&entry, length)? else {
            continue;
        };
        name_bytes += name.len();
        if let Entry::Link(target) = &found {
            name_bytes += target.len();
        }
        if entries.len() == MAX_ENTRIES || name_bytes > MAX_NAME_BYTES {
            return Err(LocalErrorCause::Invalid(format!(
                "it has more than {MAX_ENTRIES} entries, or names of more than {MAX_NAME_BYTES} bytes"
            )));
        }
        match entries.entry(name) {
            MapEntry::Vacant(slot) => drop(slot.insert(found)),
            MapEntry::Occupied(slot) => {
                let problem = format!("it has {:?} twice", slot.key());
                return Err(LocalErrorCause::Invalid(problem));
            }
        }
    }
    Ok(entries)
}

/// The name of an entry and what it is; `None` for what holds no bytes.
fn read_entry<R: Read>(
    entry: &tar::Entry<'_, R>,
    length: u64,
) -> Result<Option<(String, Entry)>, LocalErrorCause> {
    let kind = entry.header().entry_type();
    let path = entry.path().map_err(unreadable)?;
    let name = match name_of(&path) {
        Name::Inside(name) => name,
        Name::Root | Name::NoText => return Ok(None),
        Name::Outside => {
            let problem = format!("the entry {} leads out of the archive", shown(&path));
            return Err(LocalErrorCause::Invalid(problem));
        }
    };
    let found = match kind {
        EntryType::Regular | EntryType::Continuous => {
            let (start, size) = (entry.raw_file_position(), entry.size());
            if start.saturating_add(size) > length {
                return Err(LocalErrorCause::Invalid(format!(
                    "it ends within {name:?}: the archive is incomplete, or its sizes are wrong"
                )));
            }
            Entry::File { start, size }
        }
        EntryType::Symlink | EntryType::Link => {
            let target = entry.link_name().map_err(unreadable)?;
            let target = target.unwrap_or_default();
            let base = match kind {
                EntryType::Symlink => Path::new(&name).parent(),
                _ => None,
            };
            match name_of(&base.unwrap_or(Path::new("")).join(target)) {
                Name::Inside(target) => Entry::Link(target),
                Name::Root | Name::Outside | Name::NoText => {
                    let problem = format!("the link {name:?} leads out of the archive");
                    return Err(LocalErrorCause::Invalid(problem));
                }
            }
        }
        EntryType::GNUSparse => {
            let problem =
                format!("{name:?} is a sparse file, which archives of images do not have");
            return Err(LocalErrorCause::Unsupported(problem));
        }
        // Directories and devices hold no bytes.
        _ => return Ok(None),
    };
    Ok(Some((name, found)))
}

/// The crate reports a malformed archive as an I/O error of the kind `Other`.
fn unreadable(error: io::Error) -> LocalErrorCause {
    match error.kind() {
        io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            let text = error.to_string();
            // What follows are bytes of the archive.
            let problem = text.split_once(": ").map_or(&*text, |(problem, _)| problem);
            LocalErrorCause::Invalid(format!("it is not a complete tar archive: {problem}"))
        }
        _ => error.into(),
    }
}

fn name_of(path: &Path) -> Name {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => match part.to_str() {
                Some(part) => parts.push(part),
                None => return Name::NoText,
            },
            Component::CurDir => {}
            Component::ParentDir => {
                if parts.pop().is_none() {
                    return Name::Outside;
                }
            }
            Component::RootDir | Component::Prefix(_) => return Name::Outside,
        }
    }
    match parts.is_empty() {
        true => Name::Root,
        false => Name::Inside(parts.join("/")),
    }
}

/// A path of the archive in a message: quoted, and not longer than a line.
fn shown(path: &Path) -> String {
    const SHOWN: usize = 80;
    let text: String = path.to_string_lossy().chars().take(SHOWN).collect();
    format!("{text:?}")
}

impl Read for HeaderReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.budget.get().checked_sub(read as u64);
        let left = left.ok_or_else(|| {
            let problem = format!("an entry has headers of more than {MAX_HEADER_BYTES} bytes");
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?;
        self.budget.set(left);
        Ok(read)
    }
}

impl Seek for HeaderReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            // Keeps the buffer if the next header is in it.
            SeekFrom::Current(by) => {
                self.file.seek_relative(by)?;
                self.file.stream_position()
            }
            SeekFrom::Start(_) | SeekFrom::End(_) => self.file.seek(to),
        }
    }
}

#[cfg(test)]
mod tests;
