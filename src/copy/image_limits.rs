//! How much work one image may do at once, and how deep its manifests may be nested.

/// Concurrent requests for manifests and blob lookups.
pub(super) const MAX_READS: usize = 6;
/// Futures that are created ahead of their turn. Each takes some kilobytes.
pub(super) const MAX_PENDING: usize = 32;
/// Nested indexes are rare. More levels are a mistake or an attack.
pub(super) const MAX_DEPTH: usize = 5;
