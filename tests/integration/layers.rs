//! The arrows between layers, as `src/lib.rs` draws them: no other `use crate::` may exist.

use std::{collections::BTreeMap, fs, path::Path};

/// Who may import whom, read from the map in the crate's documentation.
fn allowed() -> BTreeMap<String, Vec<String>> {
    let map = fs::read_to_string("src/lib.rs").unwrap();
    let mut allowed = BTreeMap::new();
    for line in map.lines().filter_map(|line| line.strip_prefix("//! ")) {
        let Some((layers, rest)) = line.split_once(" -> ") else {
            continue;
        };
        let targets = rest.trim().split("  ").next().unwrap_or_default();
        for layer in layers.split(',') {
            let targets = targets.split(',').map(|target| target.trim().to_owned());
            allowed.insert(layer.trim().to_owned(), targets.collect());
        }
    }
    allowed
}

fn sources(directory: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix("src").unwrap().display().to_string();
            into.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The layers a file names after `crate::`, whether alone or in braces, in `use` lines and elsewhere.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let word = |text: &str| -> String {
            text.trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        let Some(group) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (index, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    found.push(word(&group[start..index]));
                    start = index + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    found.retain(|layer| !layer.is_empty());
    found
}

#[test]
fn imports_inside_braces_are_seen() {
    let text =
        "use crate::{\n    oci::{Digest, Tag},\n    batch::Job,\n};\nlet x = crate::copy::y();";
    assert_eq!(imports(text), ["oci", "batch", "copy"]);
}

#[test]
fn every_layer_imports_only_what_the_map_allows() {
    let allowed = allowed();
    assert!(
        allowed.len() > 10,
        "the map in src/lib.rs is no longer readable: {allowed:?}"
    );
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut wrong = Vec::new();
    for (name, text) in &files {
        let layer = name.split('/').next().unwrap_or_default();
        if matches!(layer, "lib.rs" | "main.rs") {
            continue;
        }
        let Some(targets) = allowed.get(layer) else {
            wrong.push(format!("{name}: layer {layer} is not on the map"));
            continue;
        };
        for import in imports(text) {
            let known = import == layer
                || targets
                    .iter()
                    .any(|target| *target == import || target == "everything");
            if !known {
                wrong.push(format!("{name}: {layer} may not import {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn processes_are_started_in_one_place() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let starts = |text: &str| {
        ["tokio::process", "process::Command"]
            .iter()
            .any(|path| text.contains(path))
    };
    let elsewhere: Vec<&String> = (files.iter())
        .filter(|(name, text)| !name.starts_with("program/") && starts(text))
        .map(|(name, _)| name)
        .collect();
    assert!(
        elsewhere.is_empty(),
        "output without a limit: {elsewhere:?}"
    );
}
