//! The README agrees with the program: key tables, list, configuration.

use std::fs;

use transship::{
    list::{List, SkopeoSettings},
    tui::{Config, browse, keymap},
};

fn readme() -> String {
    fs::read_to_string("README.md").unwrap()
}

/// The text between `<!-- NAME -->` and `<!-- /NAME -->`.
fn between(name: &str) -> String {
    let readme = readme();
    let (_, rest) = readme
        .split_once(&format!("<!-- {name} -->\n"))
        .expect("a marker before the table");
    let (table, _) = rest
        .split_once(&format!("<!-- /{name} -->"))
        .expect("a marker after the table");
    table.trim().to_owned()
}

#[test]
fn the_tables_of_keys_are_the_key_tables() {
    assert_eq!(between("keys"), keymap::Keymap::default().markdown().trim());
    let browser = browse::keymap::Keymap::default();
    assert_eq!(between("browser keys"), browser.markdown().trim());
}

#[test]
fn the_list_in_the_readme_is_a_list() {
    let readme = readme();
    let (_, rest) = readme.split_once("```toml\n").expect("a list");
    let (list, _) = rest.split_once("```").expect("its end");
    let list = list.replace("sha256:…", &format!("sha256:{}", "0".repeat(64)));
    List::parse("README.md", &list).unwrap();
}

#[test]
fn the_images_of_local_stores_in_the_readme_are_a_list() {
    let readme = readme();
    let (_, rest) = readme
        .split_once("### Local stores in lists")
        .expect("the section");
    let (_, rest) = rest.split_once("```toml\n").expect("images");
    let (images, _) = rest.split_once("```").expect("their end");
    let list = format!("version = 1\n{images}[source]\noci = \"a\"\n[destination]\ndir = \"b\"\n");
    List::parse("README.md", &list).unwrap();
}

#[test]
fn the_settings_of_skopeo_in_the_readme_are_some() {
    let readme = readme();
    let (_, rest) = readme.split_once("```toml\n[skopeo]").expect("a table");
    let (table, _) = rest.split_once("```").expect("its end");
    let table = format!("[skopeo]{table}");
    let settings = SkopeoSettings::of_configuration("README.md", &table).unwrap();
    assert_eq!(settings.container(), Some("skopeo-service"));
}

#[test]
fn the_configuration_in_the_readme_is_one() {
    let readme = readme();
    let (_, rest) = readme.split_once("```\ntheme = ").expect("a configuration");
    let (configuration, _) = rest.split_once("```").expect("its end");
    Config::read(&format!("theme = {configuration}"), &[]).unwrap();
}
