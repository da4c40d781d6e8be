//! Signatures, checked against gpg and skopeo.

mod gnupg;
mod hostile_input;
mod standalone;
