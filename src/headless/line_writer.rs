//! Writes lines on a thread of its own, so that a slow reader delays nothing else.
//!
//! Invariant: lines are written whole and in order, or the output is closed.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::{mpsc, oneshot};

/// With this many lines waiting the reader is behind.
const MAX_WAITING: usize = 256;

/// Takes lines and never waits. Dropping it ends the output.
#[derive(Debug)]
pub struct LineWriter {
    /// Unbounded: lines about changes are never dropped, and there are as many as changes.
    lines: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl LineWriter {
    /// Writes to `output`. The receiver resolves when the last line is written. `failed` gets the first error;
    /// later lines are refused.
    pub fn new(
        output: impl Write + Send + 'static,
        failed: impl FnOnce(io::Error) + Send + 'static,
    ) -> (Self, oneshot::Receiver<()>) {
        let (lines, written) = mpsc::unbounded_channel();
        let (ended, end) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer = Self {
            lines,
            waiting: Arc::clone(&waiting),
        };
        // Ends with the writer, or with the process while the reader does not read.
        std::thread::spawn(move || {
            if let Err(error) = write_lines(written, output, &waiting) {
                failed(error);
            }
            let _ = ended.send(());
        });
        (writer, end)
    }

    /// Whether the reader does not keep up, so that samples should be left out.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.waiting.load(Relaxed) >= MAX_WAITING
    }
}

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.fetch_add(1, Relaxed);
        match self.lines.send(bytes.to_vec()) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// The thread flushes when no line is waiting.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(
    mut lines: mpsc::UnboundedReceiver<Vec<u8>>,
    mut output: impl Write,
    waiting: &AtomicUsize,
) -> io::Result<()> {
    while let Some(line) = lines.blocking_recv() {
        output.write_all(&line)?;
        if waiting.fetch_sub(1, Relaxed) == 1 {
            output.flush()?;
        }
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes a line only when the test lets it.
    struct Slow {
        let_through: Receiver<()>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            self.let_through.recv().map_err(closed)?;
            let _ = self.taken.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_delays_nobody_and_gets_every_line_in_the_end() {
        let ((let_it, let_through), (taken, lines)) = (channel(), channel());
        let slow = Slow { let_through, taken };
        let (mut writer, written) = LineWriter::new(slow, |_| {});
        assert!(!writer.is_behind());
        for line in 0..1000 {
            writer.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        assert!(writer.is_behind());
        drop(writer);
        (0..1000).for_each(|_| let_it.send(()).unwrap());
        written.blocking_recv().unwrap();
        let lines: Vec<u8> = lines.try_iter().flatten().collect();
        let expected: String = (0..1000).map(|line| format!("{line}\n")).collect();
        assert_eq!(lines, expected.as_bytes());
    }

    #[test]
    fn an_output_that_is_gone_is_reported_and_refuses_what_comes_later() {
        let ((let_it, let_through), (taken, _lines)) = (channel(), channel());
        drop(let_it);
        let (report, reported) = channel();
        let gone = Slow { let_through, taken };
        let (mut writer, written) = LineWriter::new(gone, move |error| report.send(error).unwrap());
        writer.write_all(b"a line\n").unwrap();
        assert_eq!(reported.recv().unwrap().kind(), io::ErrorKind::BrokenPipe);
        written.blocking_recv().unwrap();
        assert!(writer.write_all(b"another\n").is_err());
    }
}
