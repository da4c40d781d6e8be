//! The groups of a batch: which of their images are staged, and which of them the others wait for.
//!
//! Decides which groups are complete and which are held back. Invariant: both are answered from an index that changes
//! with one job, never by a pass over all jobs.

use std::collections::{BTreeMap, BTreeSet};

use super::{JobView, State};
use crate::{
    batch::{HeldGroup, JobId},
    oci::GroupName,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<GroupName, Group>,
    complete: BTreeSet<GroupName>,
    held: BTreeSet<GroupName>,
}

/// The images of one group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Their content is at the destination. Their tags wait for the rest.
    pub staged: BTreeSet<JobId>,
    /// Their tags may be written, and are not yet.
    pub released: BTreeSet<JobId>,
    pub failed: BTreeSet<JobId>,
    /// How many are queued, running or waiting, and not staged.
    pub open: usize,
    /// How many have their tags.
    tagged: usize,
}

/// What an image is to its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Open,
    Staged,
    Released,
    Tagged,
    Failed,
    /// Skipped: the group does not wait for it.
    LeftOut,
}

impl Part {
    pub(super) fn of(view: &JobView) -> Self {
        match &view.state {
            State::Queued | State::Running | State::Waiting { .. } => match &view.staged {
                Some(_) => Self::Released,
                None => Self::Open,
            },
            State::Staged { .. } => Self::Staged,
            State::Copied | State::UpToDate => Self::Tagged,
            State::Failed => Self::Failed,
            State::Skipped(_) => Self::LeftOut,
        }
    }
}

impl Groups {
    pub(super) fn get(&self, name: &GroupName) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Groups with staged images of which all others have ended well or are left out.
    pub(super) fn complete(&self) -> impl Iterator<Item = &GroupName> {
        self.complete.iter()
    }

    /// Groups whose staged images wait for failed ones alone.
    pub(super) fn held(&self) -> impl Iterator<Item = HeldGroup> + '_ {
        self.held.iter().filter_map(|name| {
            let group = self.groups.get(name)?;
            Some(HeldGroup {
                name: name.clone(),
                staged: group.staged.len(),
                failed: group.failed.len(),
                tagged: group.tagged,
            })
        })
    }

    pub(super) fn add(&mut self, name: &GroupName, job: JobId, part: Part) {
        let group = self.groups.entry(name.clone()).or_default();
        group.add(job, part);
        self.update(name);
    }

    pub(super) fn change(&mut self, name: &GroupName, job: JobId, before: Part, after: Part) {
        if before == after {
            return;
        }
        if let Some(group) = self.groups.get_mut(name) {
            group.remove(job, before);
            group.add(job, after);
            self.update(name);
        }
    }

    fn update(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get(name) else {
            return;
        };
        let is_waiting = !group.staged.is_empty() && group.open == 0;
        let is_held = is_waiting && !group.failed.is_empty() && group.released.is_empty();
        let is_complete = is_waiting && group.failed.is_empty();
        for (is_in, names) in [(is_complete, &mut self.complete), (is_held, &mut self.held)] {
            match is_in {
                true => names.insert(name.clone()),
                false => names.remove(name),
            };
        }
    }
}

impl Group {
    fn add(&mut self, job: JobId, part: Part) {
        match part {
            Part::Open => self.open += 1,
            Part::Tagged => self.tagged += 1,
            Part::Staged => _ = self.staged.insert(job),
            Part::Released => _ = self.released.insert(job),
            Part::Failed => _ = self.failed.insert(job),
            Part::LeftOut => {}
        }
    }

    fn remove(&mut self, job: JobId, part: Part) {
        match part {
            Part::Open => self.open -= 1,
            Part::Tagged => self.tagged -= 1,
            Part::Staged => _ = self.staged.remove(&job),
            Part::Released => _ = self.released.remove(&job),
            Part::Failed => _ = self.failed.remove(&job),
            Part::LeftOut => {}
        }
    }
}
