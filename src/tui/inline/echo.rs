//! Turns off that the terminal shows what is typed: it would be written over the lines in place.
//!
//! Invariant: dropping an [`EchoOff`] restores the settings that were found.

use std::io;

/// The settings to restore.
#[cfg(unix)]
pub struct EchoOff(rustix::termios::Termios);

#[cfg(not(unix))]
pub struct EchoOff;

#[cfg(unix)]
impl EchoOff {
    pub fn new() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let found = tcgetattr(io::stdout())?;
        let mut settings = found.clone();
        settings.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdout(), OptionalActions::Drain, &settings)?;
        Ok(Self(found))
    }
}

#[cfg(unix)]
impl Drop for EchoOff {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        // Keys that were pressed meanwhile were not meant for the shell.
        let _ = tcsetattr(io::stdout(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(not(unix))]
impl EchoOff {
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }
}

/// Whether this process may change the terminal: a process in the background would be stopped.
#[cfg(unix)]
pub fn is_in_foreground() -> bool {
    rustix::termios::tcgetpgrp(io::stdout()).is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
pub fn is_in_foreground() -> bool {
    true
}
