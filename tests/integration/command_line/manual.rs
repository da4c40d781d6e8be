//! The manual pages.

use std::{fs, path::Path, process::Command};

use crate::{installed, operator::Operator};

#[tokio::test]
async fn there_is_a_page_for_each_command_with_its_options_and_examples() {
    let operator = Operator::new();
    let directory = operator.path("share/man1");
    let written = operator.say(&["man", directory.to_str().unwrap()]).await;
    assert_eq!(written.expect(0).stdout, "");
    let page = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let program = page("transship.1");
    assert!(program.contains("transship\\-batches(1)"), "{program}");
    let delete = page("transship-batches-delete.1");
    for part in [
        "\\-\\-older\\-than",
        "transship batches delete",
        "Examples:",
    ] {
        assert!(delete.contains(part), "{part} is not in\n{delete}");
    }
    let Some(man) = installed::program("man") else {
        return;
    };
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let shown = show(&man, &path);
        assert!(shown.contains("SYNOPSIS"), "{}: {shown}", path.display());
        assert!(
            shown.contains("\n           transship "),
            "{}: {shown}",
            path.display()
        );
    }
}

/// A page as a reader sees it. Warnings of the formatter fail.
fn show(man: &Path, page: &Path) -> String {
    let shown = Command::new(man)
        .args(["--warnings", "--encoding=ascii", "-l"])
        .arg(page)
        .env("MANWIDTH", "100")
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&shown.stderr);
    assert_eq!(complaints, "", "{}", page.display());
    String::from_utf8(shown.stdout).unwrap()
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let operator = Operator::new();
    let file = operator.list("");
    let refused = operator.say(&["man", file.to_str().unwrap()]).await;
    let said = &refused.expect(2).stderr;
    assert!(said.contains("cannot write manual pages into"), "{said}");
    assert!(said.contains("list.toml"), "{said}");
}
