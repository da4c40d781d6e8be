//! The table of covered quirks in the registry layer's documentation names tests that exist.

use std::{fs, path::Path};

fn sources(directory: &Path, into: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_covered_quirk_names_a_test_that_exists() {
    let mut all = String::new();
    sources(Path::new("src"), &mut all);
    sources(Path::new("tests"), &mut all);
    let table = fs::read_to_string("src/registry/quirks.md").unwrap();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| quirk"))
        .collect();
    assert!(!rows.is_empty());
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test in {row}");
        for name in names {
            assert!(all.contains(&format!("fn {name}()")), "no test {name}");
        }
    }
}
