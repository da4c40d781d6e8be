//! The lists in `sample-lists/`: each one is valid for the parser and the schema.

use std::{fs, path::PathBuf};

use transship::list::{List, ListFile};

fn samples() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample-lists");
    let mut samples: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

#[test]
fn every_sample_list_is_free_of_mistakes() {
    let summaries: Vec<String> = samples()
        .iter()
        .map(|(name, text)| format!("{name}: {}", List::parse(name, text).unwrap().summary()))
        .collect();
    insta::assert_snapshot!(summaries.join("\n"));
}

#[test]
fn every_sample_list_is_what_its_written_form_writes() {
    for (name, text) in samples() {
        let file: ListFile = toml::from_str(&text).unwrap();
        let written = toml::Value::try_from(&file).unwrap();
        let read: toml::Value = toml::from_str(&text).unwrap();
        assert_eq!(written, read, "{name}");
        List::parse(&name, &toml::to_string(&file).unwrap()).unwrap();
    }
}
