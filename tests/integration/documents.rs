//! The documents agree with the program: lists, keys, configuration, messages, links.

use std::{
    fs,
    path::{Path, PathBuf},
};

use transship::{
    list::{self, List, SkopeoSettings},
    tui::{Config, browse, keymap},
};

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The README and the documents beside it, with their text.
fn documents() -> Vec<(PathBuf, String)> {
    let assets = fs::read_dir("assets").unwrap();
    let assets = assets.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = assets
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .chain(["README.md".into()])
        .collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), read(path));
    paths.into_iter().map(read).collect()
}

/// The text between `<!-- NAME -->` and `<!-- /NAME -->`.
fn between(text: &str, name: &str) -> String {
    let (_, rest) = text
        .split_once(&format!("<!-- {name} -->\n"))
        .expect("a marker before the table");
    let (table, _) = rest
        .split_once(&format!("<!-- /{name} -->"))
        .expect("a marker after the table");
    table.trim().to_owned()
}

/// The first block of this language after `heading`.
fn block<'a>(text: &'a str, heading: &str, language: &str) -> &'a str {
    let (_, rest) = text.split_once(heading).expect("the section");
    let (_, rest) = rest
        .split_once(&format!("```{language}\n"))
        .expect("a block");
    let (block, _) = rest.split_once("```").expect("its end");
    block
}

#[test]
fn the_tables_of_keys_are_the_key_tables() {
    let keys = read("assets/keys.md");
    assert_eq!(
        between(&keys, "keys"),
        keymap::Keymap::default().markdown().trim()
    );
    let browser = browse::keymap::Keymap::default();
    assert_eq!(between(&keys, "browser keys"), browser.markdown().trim());
}

#[test]
fn every_list_in_the_documents_is_one() {
    let mut lists = 0;
    for (path, text) in documents() {
        let blocks = text.split("```toml\n").skip(1);
        let blocks = blocks.map(|rest| rest.split_once("```").expect("its end").0);
        for block in blocks.filter(|block| block.contains("version = 1")) {
            let list = block.replace("sha256:…", &format!("sha256:{}", "0".repeat(64)));
            if let Err(mistakes) = List::parse(&path.to_string_lossy(), &list) {
                panic!("{mistakes}\n{list}");
            }
            lists += 1;
        }
    }
    assert!(lists > 10, "lists are no longer found: {lists}");
}

#[test]
fn the_images_of_local_stores_are_a_list() {
    let stores = read("assets/stores.md");
    let images = block(&stores, "## Local stores in lists", "toml");
    let list = format!("version = 1\n{images}[source]\noci = \"a\"\n[destination]\ndir = \"b\"\n");
    List::parse("stores.md", &list).unwrap();
}

#[test]
fn the_settings_of_skopeo_are_some() {
    let skopeo = read("assets/skopeo.md");
    let table = block(&skopeo, "## Images that skopeo copies", "toml");
    let settings = SkopeoSettings::of_configuration("skopeo.md", table).unwrap();
    assert_eq!(settings.container(), Some("skopeo-service"));
}

#[test]
fn the_configuration_is_one() {
    let keys = read("assets/keys.md");
    Config::read(block(&keys, "## Configuration", ""), &[]).unwrap();
}

#[test]
fn the_reference_of_lists_is_that_of_the_program() {
    let is_current = read("assets/lists.md") == list::render_reference();
    assert!(
        is_current,
        "assets/lists.md is not what the schema says; write it again with \
         `cargo run -- list schema --markdown > assets/lists.md`"
    );
}

/// All source files, with strings as they are printed.
fn sources() -> String {
    fn collect(directory: &Path, text: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => collect(&path, text),
                false => text.push_str(&read(path)),
            }
        }
    }
    let mut text = String::new();
    collect(Path::new("src"), &mut text);
    let lines: Vec<&str> = text.split("\\\n").map(str::trim_start).collect();
    lines.concat().replace("\\\"", "\"")
}

/// The messages in a heading such as ``### `one`, `another` ``, or with doubled backticks if they have some themselves.
fn messages(heading: &str) -> Vec<&str> {
    let doubled = heading
        .strip_prefix("``")
        .and_then(|rest| rest.strip_suffix("``"));
    match doubled {
        Some(message) => vec![message],
        None => heading.trim_matches('`').split("`, `").collect(),
    }
}

#[test]
fn every_message_in_the_troubleshooting_is_one_of_the_program() {
    let sources = sources();
    let text = read("assets/troubleshooting.md");
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert!(headings.len() > 40, "headings are no longer found");
    for message in headings.iter().flat_map(|heading| messages(heading)) {
        for part in message.split('…').map(str::trim) {
            assert!(
                sources.contains(part),
                "{message:?}: nothing prints {part:?}"
            );
        }
    }
}

#[test]
fn every_link_leads_to_a_file_and_the_readme_leads_to_every_document() {
    let documents = documents();
    for (path, text) in &documents {
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'));
        for (target, _) in targets {
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            let is_here = !file.is_empty() && !file.contains("://");
            let to = path.parent().unwrap().join(file);
            assert!(
                !is_here || to.exists(),
                "{} leads to {target}",
                path.display()
            );
        }
    }
    let readme = read("README.md");
    for (path, _) in documents
        .iter()
        .filter(|(path, _)| path.starts_with("assets"))
    {
        assert!(
            readme.contains(&format!("]({})", path.display())),
            "{}",
            path.display()
        );
    }
}
