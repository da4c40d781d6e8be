//! Tests against the crate as others use it, in one program so that it links once.

mod sample_lists;
