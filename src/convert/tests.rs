//! Tests of whole inputs.
