//! What commands print on stdout, for a person or for the next program.
//!
//! Decides nothing about the text. Invariant: a reader that has seen enough (`| head`) is no mistake; the
//! command ends as if everything had been read.

use std::io::{self, BufWriter, StdoutLock, Write as _, stdout};

/// Prints what `write` writes.
pub(super) fn print(
    write: impl FnOnce(&mut BufWriter<StdoutLock>) -> io::Result<()>,
) -> io::Result<()> {
    let mut output = BufWriter::new(stdout().lock());
    match write(&mut output).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
