//! The tests of the whole: real connections, real programs, real files. One crate, one link.

mod serve;
