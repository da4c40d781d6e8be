//! The process group of a program: its leader and the child processes of that.
//!
//! Decides when the group is killed. Invariant: a group is killed before its leader is reaped, so that its id cannot
//! belong to other processes by then.

use tokio::process::{Child, Command};

/// A command whose process leads its own group.
pub(super) fn command(name: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// The process group of a program. Dropping it kills the group, unless it was left alone: processes that outlive a
/// program which ended by itself, such as an agent, are meant to stay.
pub(super) struct Group {
    leader: Child,
    is_left: bool,
}

impl Group {
    /// `leader` leads a process group or a session.
    pub(super) fn of(leader: Child) -> Self {
        Self {
            leader,
            is_left: false,
        }
    }

    pub(super) fn leader(&mut self) -> &mut Child {
        &mut self.leader
    }

    /// Does not kill the group any more.
    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        // The id is not reused before the leader is reaped, and `id` is `None` after that.
        #[cfg(unix)]
        if let Some(id) = self.leader.id()
            && let Some(id) = i32::try_from(id)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = self.leader.start_kill();
    }
}
