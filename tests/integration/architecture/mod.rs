//! The arrows between layers, as `src/lib.rs` draws them, and no circle between files.

mod source_tree;

use std::{collections::BTreeMap, fs};

use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};

use self::source_tree::SourceTree;

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

fn layer(file: &str) -> &str {
    file.split('/').next().unwrap_or_default()
}

#[test]
fn every_layer_imports_only_what_the_map_allows() {
    let allowed = allowed();
    assert!(
        allowed.len() > 10,
        "the map in src/lib.rs is no longer readable: {allowed:?}"
    );
    let tree = SourceTree::read();
    let mut wrong = Vec::new();
    for (file, targets) in tree.imports() {
        if file == "lib.rs" {
            continue;
        }
        let Some(may) = allowed.get(layer(file)) else {
            wrong.push(format!("{file}: layer {} is not on the map", layer(file)));
            continue;
        };
        for target in targets.iter().filter(|target| layer(target) != layer(file)) {
            let is_allowed = |name: &String| name == layer(target) || name == "everything";
            if !may.iter().any(is_allowed) {
                wrong.push(format!("{file} may not import {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let tree = SourceTree::read();
    let imports = tree.imports();
    let edges = imports.iter();
    let graph: DiGraphMap<&str, ()> = edges
        .flat_map(|(from, targets)| targets.iter().map(move |to| (*from, *to)))
        .collect();
    assert!(
        graph.contains_edge("run/engines.rs", "copy/engine.rs"),
        "imports are no longer found"
    );
    let circles = tarjan_scc(&graph)
        .into_iter()
        .filter(|files| files.len() > 1);
    let circles: Vec<String> = circles.map(|files| files.join(", ")).collect();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn processes_are_started_in_one_place() {
    let tree = SourceTree::read();
    let starts = |text: &str| {
        ["tokio::process", "process::Command"]
            .iter()
            .any(|path| text.contains(path))
    };
    let elsewhere: Vec<&String> = (tree.texts().iter())
        .filter(|(name, text)| !name.starts_with("program/") && starts(text))
        .map(|(name, _)| name)
        .collect();
    assert!(
        elsewhere.is_empty(),
        "only src/program starts processes, because it limits their output: {elsewhere:?}"
    );
}
