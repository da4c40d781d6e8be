//! Expands the rules of a list to the images to copy.
//!
//! Decides which images of the answers filters and patterns select, and where those go. Invariant: destinations in an
//! [`Expansion`] are distinct, and its order is that of the list.

use std::ops::Range;

use super::{
    answers::Answers,
    checked_list::List,
    destinations::{Destinations, Repetition, ResolvedImage},
    found::{Finder, Found},
    image_defaults::destination_of,
    images::ImageRule,
    mistake::Mistake,
    mistakes::Mistakes,
    selection::{Choice, Selection},
    store_repository::StoreRepository,
    warnings::Warning,
};
use crate::oci::{CopySpec, Digest, Location, Tag};

/// The images of a list after filters were applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    pub images: Vec<ResolvedImage>,
    pub warnings: Vec<Warning>,
}

impl List {
    /// The images to copy, with the answers to [`questions`](Self::questions); a missing one counts as empty. Fails if
    /// a filter or pattern selects nothing, or two different images have one destination.
    pub fn expand(&self, answers: &Answers) -> Result<Expansion, Mistakes> {
        let mut expander = Expander {
            list: self,
            finder: Finder::new(answers),
            images: Destinations::new(&self.text, Repetition::Drop, self.images.len()),
        };
        for rule in &self.images {
            if let Err(mistake) = expander.expand(rule) {
                expander.images.mistakes.push(mistake);
            }
        }
        let Expander { finder, images, .. } = expander;
        Mistakes::found(&self.text, images.mistakes)?;
        Ok(Expansion {
            images: images.images,
            warnings: finder.warnings.0,
        })
    }
}

/// The mistakes among the images that are known without asking a store.
pub(super) fn check(list: &List) -> Vec<Mistake> {
    let mut images = Destinations::new(&list.text, Repetition::Mistake, list.images.len());
    for rule in &list.images {
        add_fixed(&mut images, rule);
    }
    images.mistakes
}

struct Expander<'a> {
    list: &'a List,
    finder: Finder<'a>,
    images: Destinations<'a>,
}

impl Expander<'_> {
    fn expand(&mut self, rule: &ImageRule) -> Result<(), Mistake> {
        match &rule.selection {
            Selection::Repository(_, Choice::One { .. } | Choice::Tags(_))
            | Selection::Image { .. } => {
                add_fixed(&mut self.images, rule);
                Ok(())
            }
            Selection::Repository(repository, Choice::Filter(filter)) => {
                let available = self.finder.tags(repository);
                let chosen = filter.select(available);
                if chosen.is_empty() {
                    return Err(filter.no_tag(repository, available, &rule.at));
                }
                for tag in chosen {
                    add(
                        &mut self.images,
                        rule,
                        repository,
                        Some(&tag),
                        None,
                        &rule.at,
                    );
                }
                Ok(())
            }
            Selection::Pattern(pattern, choice) => {
                let found = self.finder.matching(pattern, choice, &rule.at)?;
                self.add_found(rule, found)
            }
            Selection::Files(files, choice) => {
                let found = self.finder.in_files(files, choice, &rule.at)?;
                self.add_found(rule, found)
            }
        }
    }

    fn add_found(&mut self, rule: &ImageRule, found: Vec<Found>) -> Result<(), Mistake> {
        for image in found {
            let destination = match rule.destination(image.tag.as_ref(), image.digest.as_ref()) {
                Some(destination) => destination,
                None => self.destination_by_name(&image, &rule.at)?,
            };
            let mut spec = spec(rule, image.source, destination);
            if image.tag.is_none() {
                // Its destination is a digest, which is that of all platforms.
                spec.platforms.clear();
            }
            self.images.add(spec, rule.at.clone());
        }
        Ok(())
    }

    fn destination_by_name(&self, image: &Found, at: &Range<usize>) -> Result<Location, Mistake> {
        let Some(endpoint) = &self.list.destination else {
            return Err(Mistake::new("there is no [destination]", at.clone()));
        };
        let repository = destination_of(endpoint, &self.list.rewrites, &image.repository, at)?;
        if image.tag.is_none() {
            repository.check_digest(at)?;
        }
        let digest = image.digest.clone().filter(|_| image.tag.is_none());
        Ok(repository.image(image.tag.clone(), digest))
    }
}

/// Adds the images of a rule that does not depend on answers.
fn add_fixed(images: &mut Destinations, rule: &ImageRule) {
    match &rule.selection {
        Selection::Repository(repository, Choice::One { tag, digest }) => {
            add(
                images,
                rule,
                repository,
                tag.as_ref(),
                digest.as_ref(),
                &rule.at,
            );
        }
        Selection::Repository(repository, Choice::Tags(tags)) => {
            for tag in tags.iter() {
                add(images, rule, repository, Some(&tag.value), None, &tag.at);
            }
        }
        Selection::Image { image, tag, digest } => {
            if let Some(destination) = rule.destination(tag.as_ref(), digest.as_ref()) {
                let source = Location::Local(image.clone());
                images.add(spec(rule, source, destination), rule.at.clone());
            }
        }
        Selection::Repository(_, Choice::Filter(_))
        | Selection::Pattern(..)
        | Selection::Files(..) => {}
    }
}

fn add(
    images: &mut Destinations,
    rule: &ImageRule,
    repository: &StoreRepository,
    tag: Option<&Tag>,
    digest: Option<&Digest>,
    at: &Range<usize>,
) {
    if let Some(destination) = rule.destination(tag, digest) {
        let source = repository.image(tag.cloned(), digest.cloned());
        images.add(spec(rule, source, destination), at.clone());
    }
}

fn spec(rule: &ImageRule, source: Location, destination: Location) -> CopySpec {
    CopySpec {
        source,
        destination,
        platforms: rule.platforms.to_vec(),
        attachments: rule.attachments,
        on_existing: rule.on_existing,
        format: rule.conversion.format,
        compression: rule.conversion.compression,
        engine: rule.engine,
        group: rule.group.clone(),
        require_signature: rule.require_signature.clone(),
    }
}
