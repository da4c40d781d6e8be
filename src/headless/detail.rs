//! How much the text output says.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Failures and the summary.
    Quiet,
    /// The end of every image, retries, and what concerns the batch.
    #[default]
    Normal,
    /// Starts, plans and single blobs, too.
    Verbose,
}
