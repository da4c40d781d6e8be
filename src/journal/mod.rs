//! What survives: the batches of this user, their jobs, and the blobs that are where they should be.
//!
//! Decides what is kept, when it is durable, and that one process at a time runs a batch. The registries are
//! the truth; the journal saves asking them again. Invariant: what a [`Recorder`] has flushed is found by whoever
//! resumes the batch, however its process ended.
//!
//! One SQLite file in the user's state directory (`journal.sqlite3`), or a PostgreSQL database, with the same
//! tables. Everything is text and whole numbers, to be looked at with `sqlite3` or `psql`:
//!
//! ```text
//! batches   id           20261121-1430-nginx-7f3a
//!           list_path    the list as the operator named it
//!           list_digest  sha256 of list_text: runs of the same list are told by it
//!           list_text    the whole list, so that resuming needs no file
//!           settings     what else the run was given, in the words of the command line
//!           created, changed   RFC 3339, UTC
//!           state        created | running | stopped | finished; a killed run still says running
//! jobs      batch, job   job counts from 0, in list order
//!           source, destination   complete references
//!           platforms    JSON array; [] is all
//!           attachments  JSON: whether referrers and cosign tags go along, and when; {} is both, with the image
//!           state        queued | running | waiting | copied | up_to_date | failed | skipped
//!           attempt      the last one started; 0 is none
//!           root         digest of the copied manifest or index
//!           cause        JSON: the failure (failed, waiting), or why it was left out (skipped)
//! settled   batch, registry, repository, digest, size   blobs known to be at their destination
//! owners    batch, host, pid, since   who ran the batch last; a lock says whether it still does
//! ```

mod address;
mod batch_id;
mod batch_lock;
mod changes;
mod error;
mod location;
mod owner;
mod pending_changes;
mod private;
mod recorder;
mod removal;
mod retry;
mod rows;
mod schema;
mod store;
mod stored;

pub use address::LocationError;
pub use changes::BatchState;
pub use error::JournalError;
pub use location::JournalLocation;
pub use owner::Owner;
pub use recorder::{Recorder, Waits};
pub use retry::Obstacle;
pub use store::{BatchSummary, Journal, NewBatch};
pub use stored::{SettledBlob, Stored, StoredJob};
