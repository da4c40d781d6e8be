//! The command line: one file a command, and the wiring of layers behind it.
//!
//! Decides nothing here; `command_line` has the commands. Invariant: data goes to stdout, everything else to stderr.

mod allocator;
mod batch_deletion;
mod batch_status;
mod batches;
mod browse;
mod command_line;
mod completed_values;
mod completions;
mod configuration;
mod copy;
mod copy_list;
mod credentials_file;
mod demo;
mod digest;
mod engines;
mod examples;
mod exit;
mod front_end;
mod inspect;
mod journal_arguments;
mod list_command;
mod list_images;
mod list_source;
mod location_arguments;
mod login;
mod logout;
mod man;
mod matching_files;
mod metrics_arguments;
mod migration;
mod open_files;
mod output;
mod partial_list;
mod read_error;
mod refused_secrets;
mod registry_arguments;
mod registry_settings;
mod resume;
mod run;
mod run_settings;
mod running_metrics;
mod screen_options;
mod serve;
mod side_arguments;
mod signals;
mod skopeo;
mod skopeo_access;
mod skopeo_settings;
mod tags;
mod verify;

pub use command_line::main;
