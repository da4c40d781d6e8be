//! Prints what is deleted, for a person or as JSON.
//!
//! Invariant: results go to stdout; what is said before the operator agrees goes to stderr, unless it is the result.

use std::io::{self, Write as _};

use serde_json::{Value, json};

use super::output::{self, print, tell};
use crate::{
    delete::{Deletion, Error, Plan, Problem, Way},
    oci::{Location, Tag},
    present::{count, sanitize},
};

#[derive(Clone, Copy, Default)]
pub(super) struct DeletionOutput {
    /// One object for each image, instead of lines.
    pub json: bool,
    /// The `event` of the objects, where they stand among events.
    pub event: Option<&'static str>,
}

impl DeletionOutput {
    /// Images that are not there or cannot be deleted.
    pub(super) fn refused(&self, plan: &Plan) -> io::Result<()> {
        self.problems(&plan.problems)?;
        for image in &plan.missing {
            self.image(image, "missing", None, None)?;
            tell(format_args!("{}: is not there", shown(image)));
        }
        Ok(())
    }

    /// Images that cannot be deleted.
    pub(super) fn problems(&self, problems: &[Problem]) -> io::Result<()> {
        for problem in problems {
            let text = sentence(&problem.error);
            self.image(&problem.image, "refused", Some(&text), None)?;
            tell(format_args!("{}: {text}", shown(&problem.image)));
        }
        Ok(())
    }

    /// Images that could be deleted, beside others that cannot.
    pub(super) fn kept(&self, deletions: &[Deletion]) -> io::Result<()> {
        self.each(deletions, "kept")
    }

    /// The result of a dry run.
    pub(super) fn planned(&self, deletions: &[Deletion]) -> io::Result<()> {
        if self.json {
            return self.each(deletions, "planned");
        }
        let lines = deletions.iter().flat_map(lines);
        let lines: Vec<String> = lines.collect();
        print(|output| lines.iter().try_for_each(|line| writeln!(output, "{line}")))
    }

    /// How a deletion ended.
    pub(super) fn ended(&self, deletion: &Deletion, result: &Result<(), Error>) -> io::Result<()> {
        let error = result.as_ref().err().map(sentence);
        let word = if error.is_some() { "failed" } else { "deleted" };
        for image in &deletion.images {
            self.image(image, word, error.as_deref(), Some(deletion))?;
            if !self.json {
                let after = error
                    .as_ref()
                    .map_or_else(String::new, |error| format!(": {error}"));
                print(|output| writeln!(output, "{}: {word}{after}", shown(image)))?;
            }
        }
        Ok(())
    }

    fn each(&self, deletions: &[Deletion], result: &str) -> io::Result<()> {
        for deletion in deletions {
            for image in &deletion.images {
                self.image(image, result, None, Some(deletion))?;
            }
        }
        Ok(())
    }

    /// The object of an image, if objects are wanted.
    fn image(
        &self,
        image: &Location,
        result: &str,
        error: Option<&str>,
        deletion: Option<&Deletion>,
    ) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        let mut line = json!({"image": image.to_string(), "result": result, "error": error});
        if let Some(event) = self.event {
            line["event"] = event.into();
        }
        if let Some(deletion) = deletion {
            describe(&mut line, deletion);
        }
        let line = output::json(&line)?;
        print(|output| writeln!(output, "{line}"))
    }
}

/// What the operator agrees to.
pub(super) fn announce(deletions: &[Deletion]) {
    deletions.iter().flat_map(lines).for_each(tell);
}

/// What is deleted beside what was asked for.
pub(super) fn warn(plan: &Plan) {
    plan.deletions.iter().flat_map(warnings).for_each(tell);
}

fn describe(line: &mut Value, deletion: &Deletion) {
    match &deletion.way {
        Way::Tag { .. } => line["by"] = "tag".into(),
        Way::Entries(_) => line["by"] = "name".into(),
        Way::Manifest {
            digest, sharing, ..
        } => {
            line["by"] = "digest".into();
            line["digest"] = digest.to_string().into();
            line["other_tags"] = names(&sharing.tags).into();
            line["incomplete_indexes"] = names(&sharing.indexes).into();
        }
    }
}

/// What a deletion does, and its warnings.
fn lines(deletion: &Deletion) -> Vec<String> {
    let images: Vec<String> = deletion.images.iter().map(shown).collect();
    let what = match &deletion.way {
        Way::Tag { .. } => "delete the tag; its manifest and other tags stay".to_owned(),
        Way::Manifest { digest, .. } => format!("delete the manifest {digest}"),
        Way::Entries(_) => "remove from the layout's index.json; its blobs stay".to_owned(),
    };
    let line = format!("{}: {what}", images.join(", "));
    [line].into_iter().chain(warnings(deletion)).collect()
}

/// What is hit beside the images that were asked for.
fn warnings(deletion: &Deletion) -> Vec<String> {
    let Way::Manifest {
        registry,
        repository,
        digest,
        sharing,
    } = &deletion.way
    else {
        return Vec::new();
    };
    let place = format!("{registry}/{repository}@{digest}");
    let mut warnings = Vec::new();
    if !sharing.tags.is_empty() {
        let (tags, names) = (count(sharing.tags.len(), "other tag"), list(&sharing.tags));
        warnings.push(format!(
            "warning: {place} has {tags}, deleted with it: {names}"
        ));
    }
    if !sharing.indexes.is_empty() {
        let names = list(&sharing.indexes);
        warnings.push(format!(
            "warning: {place} is part of indexes that become incomplete, with the tags: {names}"
        ));
    }
    warnings
}

fn names(tags: &[Tag]) -> Vec<String> {
    tags.iter().map(ToString::to_string).collect()
}

fn list(tags: &[Tag]) -> String {
    names(tags).join(", ")
}

fn shown(image: &Location) -> String {
    sanitize(&image.to_string()).into_owned()
}

fn sentence(error: &Error) -> String {
    let text = error.to_string();
    let text = sanitize(&text);
    match error.advice() {
        Some(advice) => format!("{text}; {advice}"),
        None => text.into_owned(),
    }
}
