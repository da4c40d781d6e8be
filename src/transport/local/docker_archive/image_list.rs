//! The `manifest.json` of a Docker archive: which images it has, and where their configs and layers are.
//!
//! Decides how a name selects an image. All functions block on the disk. Invariant: only the list is in memory; configs
//! and layers are opened when an image is read.

use serde::{Deserialize, de::DeserializeOwned};

use super::super::{LocalErrorCause, section::Section, tar_index::TarIndex};
use crate::oci::{Digest, Reference, StoredName};

/// The list and a config have some kilobytes; a config with a long history has some hundred.
pub(super) const MAX_JSON_BYTES: usize = 8 << 20;
/// Far above the 127 layers that Docker allows.
const MAX_LAYERS: usize = 5_000;
const LIST: &str = "manifest.json";
/// What Docker wrote before 1.10, besides or instead of the list.
const OLD_LIST: &str = "repositories";
/// Names that an error lists.
const SHOWN: usize = 5;

/// One image of the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedImage {
    /// The file of the config.
    pub config: String,
    /// What the image was called when it was saved; none for an image saved by its id.
    #[serde(default, deserialize_with = "null_as_default")]
    pub repo_tags: Vec<String>,
    /// The files of the layers, lowest first.
    #[serde(default, deserialize_with = "null_as_default")]
    pub layers: Vec<String>,
}

/// The parts of an image, opened.
#[derive(Debug)]
pub(super) struct ImageParts {
    /// Its digest is the id of the image.
    pub config_id: Digest,
    pub config: Section,
    pub layers: Vec<ListedLayer>,
}

#[derive(Clone, Debug)]
pub(super) struct ListedLayer {
    /// Digest of the plain tar, as the config says.
    pub diff_id: Digest,
    pub file: Section,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default, deserialize_with = "null_as_default")]
    diff_ids: Vec<Digest>,
}

pub(super) fn read_list(tar: &TarIndex) -> Result<Vec<ListedImage>, LocalErrorCause> {
    match tar.file(LIST)? {
        Some(file) => parse(LIST, &read_json(LIST, file)?),
        None if tar.has("oci-layout") => Err(invalid(
            "it is an OCI layout without what Docker reads; name it with oci-archive:",
        )),
        None if tar.has(OLD_LIST) => Err(invalid(
            "it was saved by a Docker before 1.10 and has no manifest.json; load it with a newer Docker and save it again",
        )),
        None => Err(invalid(
            "it has no manifest.json, so `docker save` did not write it",
        )),
    }
}

/// The position of the image that `name` selects; without a name, of the only one.
pub(super) fn find(
    images: &[ListedImage],
    name: Option<&StoredName>,
) -> Result<usize, LocalErrorCause> {
    let count = images.len();
    match name {
        None if count == 1 => Ok(0),
        None if count == 0 => Err(not_found("it has no image".into())),
        None => Err(not_found(format!(
            "it has {count} images; name one, such as {}",
            some_names(images)
        ))),
        Some(StoredName::Position(position)) if *position < count => Ok(*position),
        Some(StoredName::Position(_)) => {
            Err(not_found(format!("it has {count} images, counted from @0")))
        }
        Some(StoredName::Name(name)) => find_by_name(images, name).ok_or_else(|| {
            not_found(format!(
                "it has no image {name}; it has {}",
                some_names(images)
            ))
        }),
    }
}

/// Exactly as it is stored first, then by Docker's rules for short names.
fn find_by_name(images: &[ListedImage], name: &str) -> Option<usize> {
    let position = |matches: &dyn Fn(&String) -> bool| {
        (images.iter()).position(|image| image.repo_tags.iter().any(matches))
    };
    position(&|tag| tag == name).or_else(|| {
        let wanted: Reference = name.parse().ok()?;
        position(&|tag| tag.parse::<Reference>().is_ok_and(|tag| tag == wanted))
    })
}

/// Opens the config and the layers of an image.
///
/// # Errors
/// If one is missing, or the config is of another image.
pub(super) fn open_parts(
    tar: &TarIndex,
    image: &ListedImage,
) -> Result<ImageParts, LocalErrorCause> {
    let config = required(tar, &image.config)?;
    let raw = read_json(&image.config, config.clone())?;
    let diff_ids = diff_ids(&image.config, &raw)?;
    if image.layers.len() != diff_ids.len() {
        return Err(invalid(format!(
            "{LIST} lists {} layers and {} lists {}",
            image.layers.len(),
            image.config,
            diff_ids.len()
        )));
    }
    if diff_ids.len() > MAX_LAYERS {
        return Err(invalid(format!(
            "{} lists {} layers; at most {MAX_LAYERS} are read",
            image.config,
            diff_ids.len()
        )));
    }
    let layers = image.layers.iter().zip(diff_ids).map(|(file, diff_id)| {
        let file = required(tar, file)?;
        Ok(ListedLayer { diff_id, file })
    });
    let layers = layers.collect::<Result<_, LocalErrorCause>>()?;
    Ok(ImageParts {
        config_id: Digest::of(&raw),
        config,
        layers,
    })
}

/// The diff ids in a config. `name` is what errors call it.
pub(super) fn diff_ids(name: &str, config: &[u8]) -> Result<Vec<Digest>, LocalErrorCause> {
    Ok(parse::<Config>(name, config)?.rootfs.diff_ids)
}

fn required(tar: &TarIndex, name: &str) -> Result<Section, LocalErrorCause> {
    let missing = || invalid(format!("it lacks {name}, which {LIST} names"));
    tar.file(name)?.ok_or_else(missing)
}

fn read_json(name: &str, file: Section) -> Result<Vec<u8>, LocalErrorCause> {
    let length = file.remaining();
    if length > MAX_JSON_BYTES as u64 {
        return Err(invalid(format!(
            "{name} has {length} bytes; at most {MAX_JSON_BYTES} are read"
        )));
    }
    Ok(file.read_limited(MAX_JSON_BYTES)?)
}

fn parse<T: DeserializeOwned>(name: &str, raw: &[u8]) -> Result<T, LocalErrorCause> {
    serde_json::from_slice(raw).map_err(|error| invalid(format!("{name} cannot be read: {error}")))
}

fn some_names(images: &[ListedImage]) -> String {
    let name = |(position, image): (usize, &ListedImage)| {
        let tag = image.repo_tags.first().cloned();
        tag.unwrap_or_else(|| format!("@{position}"))
    };
    let names: Vec<String> = images.iter().enumerate().map(name).take(SHOWN).collect();
    match names.is_empty() {
        true => "none".into(),
        false => names.join(", "),
    }
}

fn invalid(problem: impl Into<String>) -> LocalErrorCause {
    LocalErrorCause::Invalid(problem.into())
}

fn not_found(problem: String) -> LocalErrorCause {
    LocalErrorCause::NotFound(problem)
}

/// Docker writes an absent list as `null`.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::fixtures::tar_index, *};

    fn config(layers: &[&[u8]]) -> Vec<u8> {
        let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
        json!({"rootfs": {"type": "layers", "diff_ids": diff_ids}})
            .to_string()
            .into_bytes()
    }

    fn list(value: Value) -> Vec<u8> {
        value.to_string().into_bytes()
    }

    fn read(files: &[(&str, &[u8])]) -> Result<Vec<ImageParts>, String> {
        let tar = tar_index(files);
        let images = read_list(&tar).map_err(|error| error.to_string())?;
        let parts = images.iter().map(|image| open_parts(&tar, image));
        let parts: Result<_, _> = parts.collect();
        parts.map_err(|error| error.to_string())
    }

    #[test]
    fn an_image_is_found_as_it_is_called_and_by_the_short_name() {
        let image = |tags: &[&str]| ListedImage {
            config: String::new(),
            repo_tags: tags.iter().map(ToString::to_string).collect(),
            layers: Vec::new(),
        };
        let images = [
            image(&["nginx:1.27", "team/web:1"]),
            image(&["docker.io/library/app:1"]),
            image(&["Not A Reference"]),
            image(&[]),
        ];
        let name = |name: &str| find(&images, Some(&StoredName::Name(name.into()))).ok();
        assert_eq!(name("team/web:1"), Some(0));
        assert_eq!(name("docker.io/library/nginx:1.27"), Some(0));
        assert_eq!(name("app:1"), Some(1));
        assert_eq!(name("Not A Reference"), Some(2));
        assert_eq!(name("other:1"), None);
        let position = |position| find(&images, Some(&StoredName::Position(position))).ok();
        assert_eq!((position(3), position(4)), (Some(3), None));
        let unnamed = find(&images, None).unwrap_err().to_string();
        assert_eq!(
            unnamed,
            "it has 4 images; name one, such as nginx:1.27, docker.io/library/app:1, Not A Reference, @3"
        );
        assert_eq!(find(&images[1..2], None).unwrap(), 0);
    }

    #[test]
    fn an_archive_that_lacks_a_part_says_which() {
        let layer: &[u8] = b"one";
        let config = config(&[layer]);
        let named = list(json!([{"Config": "a.json", "Layers": ["gone/layer.tar"]}]));
        let gone = read(&[("a.json", &config), ("manifest.json", &named)]).unwrap_err();
        assert!(gone.contains("lacks gone/layer.tar"), "{gone}");
        let gone = read(&[("manifest.json", &named)]).unwrap_err();
        assert!(gone.contains("lacks a.json"), "{gone}");
        let fewer = list(json!([{"Config": "a.json", "Layers": null}]));
        let fewer = read(&[("a.json", &config), ("manifest.json", &fewer)]).unwrap_err();
        assert_eq!(fewer, "manifest.json lists 0 layers and a.json lists 1");
        let old = read(&[("repositories", b"{}")]).unwrap_err();
        assert!(old.contains("before 1.10"), "{old}");
        let layout = read(&[("oci-layout", b"{}")]).unwrap_err();
        assert!(layout.contains("oci-archive:"), "{layout}");
        let other = read(&[("etc/passwd", b"")]).unwrap_err();
        assert!(other.contains("no manifest.json"), "{other}");
    }

    #[test]
    fn json_that_is_wrong_or_huge_is_refused() {
        let wrong = read(&[("manifest.json", b"{\"Config\": 1}")]).unwrap_err();
        assert!(wrong.starts_with("manifest.json cannot be read"), "{wrong}");
        let huge = vec![b' '; MAX_JSON_BYTES + 1];
        let error = read(&[("manifest.json", &huge)]).unwrap_err();
        assert!(error.contains("at most 8388608 are read"), "{error}");
        let listed = list(json!([{"Config": "a.json", "Layers": []}]));
        let error = read(&[("manifest.json", &listed), ("a.json", &huge)]).unwrap_err();
        assert!(error.contains("a.json has 8388609 bytes"), "{error}");
        let layers = vec!["a.json"; MAX_LAYERS + 1];
        let listed = list(json!([{"Config": "a.json", "Layers": layers}]));
        let diff_ids = vec![Digest::of(b""); MAX_LAYERS + 1];
        let config = list(json!({"rootfs": {"diff_ids": diff_ids}}));
        let error = read(&[("manifest.json", &listed), ("a.json", &config)]).unwrap_err();
        assert_eq!(error, "a.json lists 5001 layers; at most 5000 are read");
    }
}
