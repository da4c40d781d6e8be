//! Signatures, checked against gpg and skopeo, and against registries.

mod cosign;
mod gnupg;
mod hostile_input;
mod policy;
mod standalone;
