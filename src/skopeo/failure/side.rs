//! Which side of a copy an error is about.
//!
//! Decides by what skopeo says it was doing, then by the host that the error names. Invariant: without evidence neither
//! side is blamed.

use crate::{batch::Side, oci::Location};

/// Both ends of a copy. An operation on one image has it as its source.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    pub source: &'a Location,
    pub destination: Option<&'a Location>,
}

/// What skopeo does on each side; the first that a message has decides.
const DOING: [(&str, Side); 24] = [
    ("initializing source", Side::Source),
    ("source image rejected", Side::Source),
    ("determining manifest mime type", Side::Source),
    ("reading manifest", Side::Source),
    ("reading config", Side::Source),
    ("reading blob", Side::Source),
    ("reading signatures", Side::Source),
    ("parsing image configuration", Side::Source),
    ("parsing manifest", Side::Source),
    ("choosing an image from manifest list", Side::Source),
    ("choosing image instance", Side::Source),
    ("fetching blob", Side::Source),
    ("initializing destination", Side::Destination),
    ("trying to reuse blob", Side::Destination),
    ("failed to read from destination", Side::Destination),
    ("checking whether a blob", Side::Destination),
    ("initiating layer upload", Side::Destination),
    ("writing blob", Side::Destination),
    ("writing config", Side::Destination),
    ("writing manifest", Side::Destination),
    ("uploading", Side::Destination),
    ("writing signatures", Side::Destination),
    ("storing signatures", Side::Destination),
    ("committing the finished image", Side::Destination),
];
/// Skopeo says this of bytes that it reads at the source while it writes them.
const DURING_READ: &str = "happened during read";

pub(super) fn side(message: &str, sides: &Sides<'_>) -> Side {
    let message = message.to_lowercase();
    if message.contains(DURING_READ) {
        return Side::Source;
    }
    let doing = DOING
        .iter()
        .filter_map(|(text, side)| Some((message.find(text)?, *side)))
        .min_by_key(|(at, _)| *at);
    match doing {
        Some((_, side)) => side,
        None => named_side(&message, sides).unwrap_or(Side::Local),
    }
}

/// The side whose store the message names, if it names one only.
fn named_side(message: &str, sides: &Sides<'_>) -> Option<Side> {
    let names = |location: &Location| {
        let store = match location {
            Location::Registry(reference) => reference.registry.as_str().to_lowercase(),
            Location::Local(image) => image.store.place().to_lowercase(),
        };
        !store.is_empty() && message.contains(&store)
    };
    match (names(sides.source), sides.destination.is_some_and(&names)) {
        (true, false) => Some(Side::Source),
        (false, true) => Some(Side::Destination),
        (true, true) | (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(message: &str) -> Side {
        let [source, destination] = ["docker://a.example/app:1", "docker://b.example/app:1"]
            .map(|text| text.parse().unwrap());
        let sides = Sides {
            source: &source,
            destination: Some(&destination),
        };
        side(message, &sides)
    }

    #[test]
    fn what_skopeo_does_says_whose_fault_it_is() {
        let reuse = "copying image 1/2 from manifest list: trying to reuse blob sha256:1 at destination: \
                     pinging container registry a.example: EOF";
        assert_eq!(of(reuse), Side::Destination);
        assert_eq!(
            of("Error initializing source docker://b.example: EOF"),
            Side::Source
        );
        let read =
            "writing blob: Patch \"https://b.example\": happened during read: unexpected EOF";
        assert_eq!(of(read), Side::Source);
    }

    #[test]
    fn a_host_decides_where_only_one_is_named() {
        assert_eq!(
            of("pinging container registry b.example: EOF"),
            Side::Destination
        );
        assert_eq!(
            of("pinging container registry a.example: EOF"),
            Side::Source
        );
        assert_eq!(of("between a.example and b.example: EOF"), Side::Local);
        assert_eq!(of("unknown flag: --all"), Side::Local);
    }
}
