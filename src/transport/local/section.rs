//! A part of a file, read without moving the file's own position, so that many parts can be read at once.
//!
//! Invariant: a file that became shorter meanwhile is an error, not an early end.

use std::{
    fs::File,
    io::{self, Read},
    sync::Arc,
};

/// Bytes `position..end` of a file.
#[derive(Clone, Debug)]
pub(super) struct Section {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl Section {
    /// `length` bytes from `start` on.
    pub(super) fn new(file: Arc<File>, start: u64, length: u64) -> Self {
        Self {
            file,
            position: start,
            end: start.saturating_add(length),
        }
    }

    /// How many bytes are left.
    pub(super) fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// Leaves out the next `bytes`.
    pub(super) fn skip(mut self, bytes: u64) -> Self {
        self.position = self.position.saturating_add(bytes).min(self.end);
        self
    }

    /// All of it, if it has no more than `limit` bytes.
    pub(super) fn read_limited(mut self, limit: usize) -> io::Result<Vec<u8>> {
        let remaining = self.remaining();
        match usize::try_from(remaining) {
            Ok(length) if length <= limit => {
                let mut content = Vec::with_capacity(length);
                self.read_to_end(&mut content)?;
                Ok(content)
            }
            Ok(_) | Err(_) => {
                let problem = format!("it has {remaining} bytes, more than the limit of {limit}");
                Err(io::Error::new(io::ErrorKind::FileTooLarge, problem))
            }
        }
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.remaining())
            .map_or(buffer.len(), |remaining| remaining.min(buffer.len()));
        if length == 0 {
            return Ok(0);
        }
        let read = read_at(&self.file, &mut buffer[..length], self.position)?;
        if read == 0 {
            let problem = format!("the file ends {} bytes early", self.remaining());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
        }
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    #[test]
    fn a_section_holds_its_bytes_and_no_others() {
        let file = file(b"0123456789");
        let section = Section::new(Arc::clone(&file), 2, 5);
        assert_eq!(section.clone().read_limited(5).unwrap(), b"23456");
        assert_eq!(section.clone().skip(3).read_limited(5).unwrap(), b"56");
        assert_eq!(section.skip(99).remaining(), 0);
    }

    #[test]
    fn more_bytes_than_the_limit_are_not_read() {
        let error = Section::new(file(b"0123456789"), 0, 10).read_limited(9);
        let problem = error.unwrap_err().to_string();
        assert_eq!(problem, "it has 10 bytes, more than the limit of 9");
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let error = Section::new(file(b"0123"), 0, 10).read_limited(10);
        let problem = error.unwrap_err().to_string();
        assert_eq!(problem, "the file ends 6 bytes early");
    }
}
