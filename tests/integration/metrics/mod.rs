//! The metrics of real batches: the endpoint while they run, the file, and what an operator can do wrong.

mod command_line;
mod endpoint;
mod exposition;
mod promtool;
mod textfile;
