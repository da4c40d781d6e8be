//! Registries that ask to be left alone.
