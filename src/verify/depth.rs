//! How closely images are compared.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The digests that the two references name: one HEAD a side.
    Digests,
    /// And that everything below is there: children, blobs with their lengths, attachments.
    Content,
    /// And that the destination's blobs have their digests: every byte is read.
    Bytes,
}
