//! Prints what happens to the tags of a rollback file, for a person or as JSON.
//!
//! Invariant: results go to stdout; what is said before the operator agrees goes to stderr, unless it is the result.

use std::io::{self, Write as _};

use serde_json::json;

use super::output::{self, print, tell};
use crate::{
    present::sanitize,
    rollback::{Error, Plan, PlannedTag, Step, WhyLeft},
};

pub(super) struct RollbackOutput {
    /// One object for each tag, instead of lines.
    pub json: bool,
}

impl RollbackOutput {
    /// The tags that stay as they are, and why.
    pub(super) fn unchanged(&self, plan: &Plan) -> io::Result<()> {
        for tag in &plan.tags {
            let (result, reason) = match &tag.step {
                Step::Restore(_) | Step::Delete => continue,
                Step::Done => ("unchanged", "is as it was before the batch".to_owned()),
                Step::Leave(why) => ("left", left(why)),
                Step::Unknown(error) => ("failed", sanitize(&error.to_string()).into_owned()),
            };
            self.object(tag, result, Some(&reason))?;
            tell(format_args!("{}: {reason}", name(tag)));
        }
        Ok(())
    }

    /// The result of a dry run.
    pub(super) fn planned(&self, plan: &Plan) -> io::Result<()> {
        for tag in plan.changes() {
            self.object(tag, "planned", None)?;
            if !self.json {
                print(|output| writeln!(output, "{}: {}", name(tag), intent(tag)))?;
            }
        }
        Ok(())
    }

    /// What the operator agrees to.
    pub(super) fn announce(&self, plan: &Plan) {
        for tag in plan.changes() {
            tell(format_args!("{}: {}", name(tag), intent(tag)));
        }
    }

    /// How the change of a tag ended.
    pub(super) fn ended(&self, tag: &PlannedTag, result: &Result<(), Error>) -> io::Result<()> {
        let error = result.as_ref().err().map(ToString::to_string);
        let error = error.map(|error| sanitize(&error).into_owned());
        let word = match (&error, &tag.step) {
            (Some(_), _) => "failed",
            (None, Step::Delete) => "deleted",
            (None, _) => "restored",
        };
        self.object(tag, word, error.as_deref())?;
        if self.json {
            return Ok(());
        }
        let what = match (error, &tag.step) {
            (Some(error), _) => format!("failed: {error}"),
            (None, Step::Restore(before)) => format!("names {before} again"),
            (None, _) => "deleted".into(),
        };
        print(|output| writeln!(output, "{}: {what}", name(tag)))
    }

    fn object(&self, tag: &PlannedTag, result: &str, reason: Option<&str>) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        let history = &tag.history;
        let line = output::json(&json!({
            "tag": history.reference.to_string(),
            "result": result,
            "before": history.before.to_string(),
            "after": history.after.last().map(ToString::to_string),
            "reason": reason,
        }))?;
        print(|output| writeln!(output, "{line}"))
    }
}

fn name(tag: &PlannedTag) -> String {
    sanitize(&tag.history.reference.to_string()).into_owned()
}

/// What will be done with the tag.
fn intent(tag: &PlannedTag) -> String {
    match &tag.step {
        Step::Restore(before) => format!("will name {before} again"),
        Step::Delete => "will be deleted: it did not exist before the batch".into(),
        Step::Done | Step::Leave(_) | Step::Unknown(_) => "stays".into(),
    }
}

fn left(why: &WhyLeft) -> String {
    match why {
        WhyLeft::Changed(Some(now)) => {
            format!("left alone: it names {now}, which the batch did not write")
        }
        WhyLeft::Changed(None) => "left alone: it was deleted after the batch".into(),
        WhyLeft::ManifestGone(before) => format!(
            "left alone: {before}, which it named before, is no longer in the repository; it was deleted or garbage-collected"
        ),
        WhyLeft::NoTagDeletion => {
            "stays: it did not exist before, and its registry cannot delete a tag alone; `transship delete` shows what deleting its manifest would hit".into()
        }
        WhyLeft::BeforeUnknown => {
            "left alone: the registry did not say what it named before".into()
        }
    }
}
