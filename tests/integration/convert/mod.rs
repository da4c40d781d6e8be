//! Lists of other tools: what they become, and that it runs.

mod command;
mod samples;
