//! Notes about groups whose tags wait for images that failed.
//!
//! Decides when a note is due: when a group begins to wait, and again when who waits for whom has changed. Invariant: the
//! same note is not repeated while nothing of the group changes.

use std::collections::BTreeMap;

use crate::{
    batch::{Board, HeldGroup},
    oci::GroupName,
};

#[derive(Default)]
pub(super) struct HeldGroups(BTreeMap<GroupName, HeldGroup>);

impl HeldGroups {
    /// The notes that were not given yet.
    pub(super) fn new_notes(&mut self, board: &Board) -> Vec<String> {
        let held: BTreeMap<_, _> = (board.held_groups())
            .map(|group| (group.name.clone(), group))
            .collect();
        let is_new = |group: &&HeldGroup| self.0.get(&group.name) != Some(*group);
        let notes = held.values().filter(is_new).map(ToString::to_string);
        let notes = notes.collect();
        self.0 = held;
        notes
    }
}
