//! Runs skopeo for images that it must copy, and reads its progress.
//!
//! Decides how skopeo is found, started and ended, and what its output means; `run` decides which images it copies.
//! Invariant: no secret is an argument or an environment variable of a process.
