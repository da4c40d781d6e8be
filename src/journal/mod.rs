//! What survives a run: the batches of this user, their jobs, and the blobs that are at their destination.
//!
//! Decides what is stored, when it is durable, and that one process at a time runs a batch. The registries are the
//! truth; the journal saves requests. Invariant: a resumed batch finds everything a [`Recorder`] flushed, however its
//! process ended.
//!
//! One SQLite file in the user's state directory (`journal.sqlite3`), or a PostgreSQL database, with the same
//! tables. Everything is text and integers, readable with `sqlite3` or `psql`:
//!
//! ```text
//! batches   id           20261121-1430-nginx-7f3a
//!           list_path    the list as the operator named it
//!           list_digest  sha256 of list_text: shows which batches have the same list
//!           list_text    the whole list, so that resuming needs no file
//!           settings     JSON: the options of the command line
//!           created, changed   RFC 3339, UTC
//!           state        created | running | stopped | finished; running after a kill, too
//! jobs      batch, job   job counts from 0, in list order
//!           source, destination   complete references
//!           platforms    JSON array; [] is all
//!           attachments  JSON: which attachments are copied; {} is all
//!           state        queued | running | waiting | staged | copied | up_to_date | failed | skipped | kept
//!           attempt      the last one started; 0 is none
//!           root         digest of the copied or staged manifest or index
//!           group_name   the group of the image, whose tags are written together
//!           cause        JSON: the failure (failed, waiting), or why it was skipped (skipped, kept)
//!           figures      JSON: when its attempts ran, and how many bytes they moved; absent before the first
//!           verified     JSON: the last comparison with its source since it was copied; absent if there was none
//! settled   batch, registry, repository, digest, size   blobs known to be at their destination
//! owners    batch, host, pid, since   which process ran the batch last; the lock tells whether it still does
//! ```

mod address;
mod batch_id;
mod batch_lock;
mod changes;
mod error;
mod figures;
mod location;
mod measured_speed;
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
mod verification;
mod verification_record;

pub use address::LocationError;
pub use changes::BatchState;
pub use error::JournalError;
pub use figures::Figures;
pub use location::JournalLocation;
pub use measured_speed::measured_speed;
pub use owner::Owner;
pub use recorder::{Recorder, Waits};
pub use retry::Obstacle;
pub use store::{BatchSummary, Journal, NewBatch};
pub use stored::{SettledBlob, Stored, StoredJob};
pub use verification::Verification;
