//! A group of which no further tag is written until a failed image is retried or skipped.
//!
//! Decides the sentence about it, for the log and the summary. Invariant: it says whether tags of the group were written.

use std::fmt;

use crate::oci::GroupName;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldGroup {
    pub name: GroupName,
    /// Images whose tags wait.
    pub staged: usize,
    /// Images that they wait for.
    pub failed: usize,
    /// Images of the group that have their tags.
    pub tagged: usize,
}

impl fmt::Display for HeldGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.staged {
            1 => write!(f, "1 image of group {} waits", self.name)?,
            staged => write!(f, "{staged} images of group {} wait", self.name)?,
        }
        match self.failed {
            1 => f.write_str(" for 1 that failed: retry or skip it")?,
            failed => write!(f, " for {failed} that failed: retry or skip them")?,
        }
        match self.tagged {
            0 => f.write_str("; none of its tags is written"),
            1 => f.write_str("; 1 image of the group has its tag"),
            tagged => write!(f, "; {tagged} images of the group have their tags"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts_who_waits_for_whom_and_which_tags_are_written() {
        let held = |staged, failed, tagged| {
            let name = "release-42".parse().unwrap();
            let group = HeldGroup {
                name,
                staged,
                failed,
                tagged,
            };
            group.to_string()
        };
        assert_eq!(
            held(11, 1, 0),
            "11 images of group release-42 wait for 1 that failed: retry or skip it; none of its tags is written"
        );
        assert_eq!(
            held(1, 2, 3),
            "1 image of group release-42 waits for 2 that failed: retry or skip them; 3 images of the group have their tags"
        );
    }
}
