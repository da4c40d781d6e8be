//! How many files this program may have open.
//!
//! A batch keeps each archive that it reads open, beside its connections, and systems allow 1,024 files unless a program
//! asks for more. Invariant: the limit of the administrator, the hard one, stays.

/// Raises the soft limit to the hard one.
pub(super) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // If it fails, e.g. because a system has a lower limit than it says, the present one stays.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
