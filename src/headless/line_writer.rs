//! Where lines leave the program without holding it up.
//!
//! Decides who waits for a slow reader: a thread that does nothing else. Invariant: what was written is handed
//! on whole and in order, or the output is closed.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::{mpsc, oneshot};

/// With so many lines on their way the reader is behind.
const MANY: usize = 256;

/// Takes lines and never waits. Dropping it ends the output.
#[derive(Debug)]
pub struct LineWriter {
    /// Unbounded: lines that tell of changes are never dropped, and there are as many of them as changes.
    lines: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl LineWriter {
    /// Lines for `output`; the receiver hears when the last of them is written. An output that can no longer
    /// be written is told to `failed`, and what is written after that is refused.
    pub fn new(
        output: impl Write + Send + 'static,
        failed: impl FnOnce(io::Error) + Send + 'static,
    ) -> (Self, oneshot::Receiver<()>) {
        let (lines, written) = mpsc::unbounded_channel();
        let (ended, end) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let outlet = Self {
            lines,
            waiting: Arc::clone(&waiting),
        };
        // Ends with the outlet, or with the process where the reader keeps it waiting.
        std::thread::spawn(move || {
            if let Err(error) = hand_on(written, output, &waiting) {
                failed(error);
            }
            let _ = ended.send(());
        });
        (outlet, end)
    }

    /// Whether the reader does not keep up, so that what can be spared should be.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.waiting.load(Relaxed) >= MANY
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

    /// Whatever is written is flushed as soon as there is nothing more to write.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hand_on(
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

    /// Takes a line only when it is let.
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
    fn a_reader_that_does_not_read_holds_nobody_up_and_gets_every_line_in_the_end() {
        let ((let_it, let_through), (taken, lines)) = (channel(), channel());
        let slow = Slow { let_through, taken };
        let (mut outlet, written) = LineWriter::new(slow, |_| {});
        assert!(!outlet.is_behind());
        for line in 0..1000 {
            outlet.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        assert!(outlet.is_behind());
        drop(outlet);
        (0..1000).for_each(|_| let_it.send(()).unwrap());
        written.blocking_recv().unwrap();
        let lines: Vec<u8> = lines.try_iter().flatten().collect();
        let expected: String = (0..1000).map(|line| format!("{line}\n")).collect();
        assert_eq!(lines, expected.as_bytes());
    }

    #[test]
    fn an_output_that_is_gone_is_told_and_refuses_what_comes_later() {
        let ((let_it, let_through), (taken, _lines)) = (channel(), channel());
        drop(let_it);
        let (tell, told) = channel();
        let gone = Slow { let_through, taken };
        let (mut outlet, written) = LineWriter::new(gone, move |error| tell.send(error).unwrap());
        outlet.write_all(b"a line\n").unwrap();
        assert_eq!(told.recv().unwrap().kind(), io::ErrorKind::BrokenPipe);
        written.blocking_recv().unwrap();
        assert!(outlet.write_all(b"another\n").is_err());
    }
}
