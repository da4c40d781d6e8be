//! Stores of this machine as an air-gapped site uses them: carried in files, killed on the way, damaged.

mod bad_input;
mod estate;
mod kill;
mod lists;
mod unfinished;
