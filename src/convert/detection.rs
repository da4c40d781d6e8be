//! What kind of input a text is.
//!
//! Decides by content only. A text that can be two kinds is no kind: the operator chooses.

use std::rc::Rc;

use super::{
    docker_images,
    error::ConvertError,
    kind::Kind,
    skopeo_sync,
    text_lines::lines,
    yaml::{self, Node},
};

/// Whether a document is of a kind.
type IsKind = fn(&Node) -> bool;

/// Whether a text is a TOML list, maybe with mistakes: it begins with a table, or with the key `version` or `images`.
#[must_use]
pub fn is_list(text: &str) -> bool {
    let Some((_, line)) = lines(text).next() else {
        return false;
    };
    let table = line
        .strip_prefix('[')
        .and_then(|line| line.strip_suffix(']'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "[]._-\"".contains(c);
    let is_key = |key: &str| matches!(key.trim_end(), "version" | "images");
    table.is_some_and(|table| !table.is_empty() && table.chars().all(is_name))
        || line.split_once('=').is_some_and(|(key, _)| is_key(key))
}

/// The kind of a text that is no list.
pub(super) fn detect(text: &str) -> Result<Kind, ConvertError> {
    match yaml::parse(text) {
        Ok(documents) if documents.iter().any(|document| document.is_mapping()) => {
            of_documents(&documents)
        }
        Err(error) if looks_like_yaml(text) => Err(error),
        Ok(_) | Err(_) => of_lines(text),
    }
}

fn looks_like_yaml(text: &str) -> bool {
    let mut lines = lines(text).map(|(_, line)| line);
    text.trim_start().starts_with(['{', '[']) || lines.any(|l| l == "---" || l.ends_with(':'))
}

fn of_documents(documents: &[Rc<Node>]) -> Result<Kind, ConvertError> {
    if documents.iter().all(|document| is_credentials(document)) {
        return Err(ConvertError::Credentials);
    }
    let is = |test: IsKind| documents.iter().any(|document| test(document));
    let tests: [(Kind, IsKind); 6] = [
        (Kind::Kubernetes, is_kubernetes),
        (Kind::Compose, is_compose),
        (Kind::Regsync, is_regsync),
        (Kind::Dregsy, is_dregsy),
        (Kind::SkopeoSync, is_skopeo_sync),
        (Kind::ImageSyncer, is_image_syncer),
    ];
    let found: Vec<Kind> = tests
        .into_iter()
        .filter(|(_, test)| is(*test))
        .map(|(kind, _)| kind)
        .collect();
    match found[..] {
        [kind] => Ok(kind),
        [] => Err(ConvertError::Unrecognized),
        _ => Err(ConvertError::Ambiguous(found)),
    }
}

fn is_kubernetes(node: &Node) -> bool {
    node.text_of("apiVersion").is_some() && node.text_of("kind").is_some()
}

fn is_compose(node: &Node) -> bool {
    node.get("services").is_some_and(Node::is_mapping)
}

fn is_regsync(node: &Node) -> bool {
    node.get("sync").is_some_and(Node::is_sequence)
}

fn is_dregsy(node: &Node) -> bool {
    let tasks = node.get("tasks").map_or(&[][..], Node::elements);
    tasks.iter().any(|task| task.get("mappings").is_some())
}

fn is_skopeo_sync(node: &Node) -> bool {
    let mut registries = node.entries().iter();
    registries.any(|registry| {
        let has = |key: &&str| registry.value.get(key).is_some_and(Node::is_mapping);
        skopeo_sync::IMAGE_KEYS.iter().any(has)
    })
}

fn is_image_syncer(node: &Node) -> bool {
    let node = match node.get("images") {
        Some(images) if images.is_mapping() => images,
        _ => node,
    };
    let entries = node.entries();
    let is_image = |entry: &yaml::Entry| {
        let mut destinations = entry.value.texts().into_iter();
        entry.key.contains(['/', ':']) && destinations.any(|(_, text)| text.contains('/'))
    };
    let has_mapping = entries.iter().any(|entry| entry.value.is_mapping());
    !has_mapping && entries.iter().any(is_image)
}

/// Whether every entry is the user and password of a registry.
fn is_credentials(node: &Node) -> bool {
    let entries = node.entries();
    let mut values = entries.iter().map(|entry| &entry.value);
    !entries.is_empty() && values.all(|value| value.get("password").is_some())
}

fn of_lines(text: &str) -> Result<Kind, ConvertError> {
    let mut lines = lines(text).peekable();
    let Some((_, first)) = lines.peek() else {
        return Err(ConvertError::Unrecognized);
    };
    if docker_images::is_header(first) {
        return Ok(Kind::DockerImages);
    }
    let (mut one, mut several) = (None, None);
    for (number, line) in lines {
        let line = line.strip_prefix("- ").unwrap_or(line);
        let is_one = !line.contains('=') && line.split_whitespace().count() == 1;
        match is_one {
            true => one.get_or_insert(number),
            false => several.get_or_insert(number),
        };
    }
    match (one, several) {
        (Some(one), Some(several)) => Err(ConvertError::MixedLines { one, several }),
        (_, None) => Ok(Kind::References),
        (None, Some(_)) => Ok(Kind::Mapping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_can_be_two_kinds_is_neither() {
        let text = "services: { a: { image: x } }\nsync: [{ source: a, target: b }]\n";
        let error = detect(text).unwrap_err().to_string();
        assert_eq!(
            error,
            "this can be compose, regsync: choose one with --from"
        );
        let error = detect("nginx\nredis b.example/redis\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("line 1 has one word and line 2"),
            "{error}"
        );
    }

    #[test]
    fn a_list_is_known_by_its_keys() {
        for text in ["version = 1", "# x\n[source]\n", "[[images]]", "images=[]"] {
            assert!(is_list(text), "{text}");
        }
        let mapping = "a.example/x:1=b.example/x:1\n";
        let manifest = "data:\n  config.toml: |\n    version = 2\n    [plugins]\n";
        for text in [
            "nginx",
            mapping,
            manifest,
            "",
            "images:\n  a: b\n",
            "[1, 2]",
        ] {
            assert!(!is_list(text), "{text}");
        }
    }

    #[test]
    fn broken_yaml_is_told_as_yaml() {
        let error = detect("services:\n  a: [x\n").unwrap_err();
        assert!(matches!(error, ConvertError::Yaml { .. }), "{error}");
    }

    #[test]
    fn a_file_of_credentials_is_not_a_list() {
        let text = "quay.io:\n  username: a\n  password: b\n";
        assert!(matches!(detect(text), Err(ConvertError::Credentials)));
    }
}
