//! transship moves container images between registries and local stores, in bulk, where an operator can see and steer it.
//!
//! The layers, and which of them each may import (`tests/integration/architecture` fails on any other import):
//!
//! ```text
//! oci            ->  (nothing)                                 reference, digest, media types, descriptor, manifest, platform
//! list           ->  oci                                       the TOML list: schema, spans, rewrites, filters
//! convert        ->  list, oci                                 lists of other tools, as TOML lists
//! batch          ->  oci                                       job ids, Event, Command, Board, Failure: the shared vocabulary
//! signature      ->  oci                                       what was signed, by which key, and whether that suffices
//! program        ->  (nothing)                                 runs the programs an operator names, within limits
//! files          ->  (nothing)                                 content that gets its name when it is complete
//! rollback_file  ->  files, batch, oci                         what tags named before a batch wrote them
//! registry       ->  batch, oci                                the distribution protocol over HTTP
//! credentials    ->  registry, program, oci                    where operators keep credentials; login and logout
//! transport      ->  registry, files, batch, oci               what images are read from and written to: registries and local stores
//! copy           ->  transport, rollback_file, signature, batch, registry, program, oci  one image: graph walk, claims, plans, attachments, manifests
//! skopeo         ->  program, batch, oci                       runs skopeo and reads its progress
//! journal        ->  batch, oci                                what survives: SQLite by default
//! run            ->  copy, skopeo, transport, journal, batch, oci      dispatcher loop, pure scheduler, workers
//! inspect        ->  transport, registry, batch, oci           what is inside a store, down to layers and referrers
//! catalogue      ->  inspect, transport, registry, list, batch, oci   which repositories and tags a registry has, as a list
//! verify         ->  transport, registry, batch, oci           whether a destination is what its source is
//! delete         ->  transport, registry, batch, oci           which tags, manifests and names are deleted, and what else that hits
//! prune          ->  delete, transport, registry, oci          which tags at a destination no image of a list has
//! doctor         ->  present, registry, batch, oci            what works at a registry, and what has to be changed first
//! retag          ->  transport, registry, oci                  further tags for an image in its repository or layout
//! rollback       ->  rollback_file, delete, retag, transport, registry, batch, oci  tags back to what they named
//! present        ->  batch, oci                                words, sizes and sentences the front ends share
//! report         ->  journal, present, batch, oci              what a batch did, as HTML, Markdown, CSV or JSON
//! metrics        ->  batch, oci                                Prometheus metrics: an observer, an endpoint, a file
//! tui, headless  ->  present, inspect, batch, program, oci     front ends: they see events and send commands
//! serve          ->  files, oci                                the embedded registry
//! cli            ->  everything                                the only place that wires
//! ```

pub mod batch;
pub mod catalogue;
pub mod cli;
pub mod convert;
pub mod copy;
pub mod credentials;
pub mod delete;
pub mod doctor;
mod files;
pub mod headless;
pub mod inspect;
pub mod journal;
pub mod list;
pub mod metrics;
pub mod oci;
pub mod present;
mod program;
pub mod prune;
pub mod registry;
pub mod report;
pub mod retag;
pub mod rollback;
pub mod rollback_file;
pub mod run;
pub mod serve;
pub mod signature;
pub mod skopeo;
pub mod transport;
pub mod tui;
pub mod verify;
