//! Text from a registry cannot control the terminal, and reaches a pipe unchanged.

use std::fs;

use transship::oci::MediaType;

use super::pseudo::Terminal;
use crate::{fixture::Fixture, sample_images::repository};

const EVIL: &str = "\u{9b}31m\u{202e}\u{7f}\u{e0041}";
const ESCAPED: &str = "\\u009b31m\\u202e\\u007f\\udb40\\udc41";

/// An image with escape sequences in an annotation; its reference and its manifest.
async fn hostile() -> (Fixture, String, String) {
    let fixture = Fixture::new().await;
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{}\",\"manifests\":[],\"annotations\":{{\"a\":\"{EVIL}\"}}}}\r\n",
        MediaType::OCI_INDEX
    );
    (fixture.source.server.store())
        .put_manifest(
            &repository("evil"),
            Some(&"1".parse().unwrap()),
            MediaType::OCI_INDEX,
            manifest.as_bytes(),
        )
        .unwrap();
    let reference = format!("{}/evil:1", fixture.source.address());
    (fixture, reference, manifest)
}

#[tokio::test]
async fn a_terminal_is_shown_escapes_and_a_pipe_gets_every_byte() {
    let (fixture, reference, manifest) = hostile().await;
    let raw = ["inspect", "--raw", &reference];
    assert_eq!(fixture.operator.say(&raw).await.expect(0).stdout, manifest);
    let left = Terminal::run(&fixture.operator, &raw).end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    let shown = left.text.replace('\n', "");
    assert!(
        shown.contains(ESCAPED) && shown.contains("\\u000d"),
        "{shown}"
    );

    let json = ["inspect", "--json", &reference];
    let piped = fixture.operator.say(&json).await;
    assert!(piped.expect(0).stdout.contains(ESCAPED), "{}", piped.stdout);
    let read: serde_json::Value = serde_json::from_str(&piped.stdout).unwrap();
    assert_eq!(read["annotations"]["a"], EVIL);
    let left = Terminal::run(&fixture.operator, &json).end().await;
    let shown = left.text.replace('\n', "");
    assert!(shown.contains(ESCAPED), "{shown}");
}

#[test]
fn all_output_goes_through_the_writers_that_escape() {
    for entry in fs::read_dir("src/cli").unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let allowed: &[&str] = match path.file_name().unwrap().to_str().unwrap() {
            "output.rs" => &[
                "io::stdout()",
                "io::stderr()",
                "writeln!(stderr(), \"{text}\")",
            ],
            // Mistakes are coloured; their renderer escapes what it quotes.
            "list_source.rs" => &["writeln!(stderr(), \"{}\", mistakes.render(colours))"],
            _ => &[],
        };
        for line in text
            .lines()
            .filter(|line| !allowed.iter().any(|one| line.contains(one)))
        {
            for unsafe_output in [
                "println!",
                "print!(\"",
                "io::stdout",
                "io::stderr",
                "writeln!(stderr()",
            ] {
                let is_check = line.contains("is_terminal()");
                assert!(
                    is_check || !line.contains(unsafe_output),
                    "{}: {line}",
                    path.display()
                );
            }
        }
    }
}
