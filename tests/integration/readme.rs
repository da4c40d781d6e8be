//! What the README promises is what the program has.

use std::fs;

use transship::{list::List, tui::keys};

fn readme() -> String {
    fs::read_to_string("README.md").unwrap()
}

#[test]
fn the_table_of_keys_is_the_key_table() {
    let readme = readme();
    let (_, rest) = readme
        .split_once("<!-- keys -->\n")
        .expect("a marker before the table");
    let (table, _) = rest
        .split_once("<!-- /keys -->")
        .expect("a marker after the table");
    assert_eq!(table.trim(), keys::markdown().trim());
}

#[test]
fn the_list_in_the_readme_is_a_list() {
    let readme = readme();
    let (_, rest) = readme.split_once("```toml\n").expect("a list");
    let (list, _) = rest.split_once("```").expect("its end");
    let list = list.replace("sha256:…", &format!("sha256:{}", "0".repeat(64)));
    List::parse("README.md", &list).unwrap();
}
