//! Converts an input.
//!
//! Decides which tool's reader it gets. Invariant: nothing is returned that is no list.

use super::{
    compose, detection, docker_images,
    draft::{Draft, MAX_LIST},
    dregsy,
    error::ConvertError,
    image_syncer,
    kind::Kind,
    kubernetes,
    list_destination::ListDestination,
    list_text::{self, Converted},
    mapping, references, regsync, skopeo_sync, yaml,
};

/// Bytes of an input, at most.
pub const MAX_INPUT: usize = 8 * 1024 * 1024;

/// An input, and what the operator says about it.
#[derive(Clone, Copy, Debug)]
pub struct Conversion<'a> {
    /// As comments call it.
    pub input: &'a str,
    pub text: &'a str,
    /// Found from the content if it is not given.
    pub kind: Option<Kind>,
    /// Where images go, for kinds that do not say it.
    pub to: Option<&'a ListDestination>,
}

/// The list that an input stands for. Fails if it is too large, is of no known kind, or has no image.
pub fn convert(conversion: Conversion) -> Result<Converted, ConvertError> {
    let Conversion {
        input,
        text,
        kind,
        to,
    } = conversion;
    let limit = MAX_INPUT;
    if text.len() > limit {
        return Err(ConvertError::InputTooLarge { limit });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let kind = match kind {
        Some(kind) => kind,
        None if detection::is_list(text) => return Err(ConvertError::AlreadyList),
        None => detection::detect(text)?,
    };
    match (kind.has_destinations(), to) {
        (true, Some(_)) => return Err(ConvertError::OwnDestinations(kind)),
        (false, None) => return Err(ConvertError::NoDestination(kind)),
        (true, None) | (false, Some(_)) => {}
    }
    let mut draft = Draft::default();
    match kind {
        Kind::SkopeoSync => skopeo_sync::read(&yaml::parse(text)?, &mut draft),
        Kind::Regsync => regsync::read(&yaml::parse(text)?, &mut draft),
        Kind::ImageSyncer => image_syncer::read(&yaml::parse(text)?, &mut draft),
        Kind::Dregsy => dregsy::read(&yaml::parse(text)?, &mut draft),
        Kind::Compose => compose::read(&yaml::parse(text)?, &mut draft),
        Kind::Kubernetes => kubernetes::read(&yaml::parse(text)?, &mut draft),
        Kind::Mapping => mapping::read(text, &mut draft),
        Kind::References => references::read(text, &mut draft),
        Kind::DockerImages => docker_images::read(text, &mut draft),
    }
    if draft.is_too_large() {
        return Err(ConvertError::ListTooLarge { limit: MAX_LIST });
    }
    list_text::write(draft, input, kind, to)
}
