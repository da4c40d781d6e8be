//! Lists as operators write them: what they mean, and what is said when they are wrong.

mod expansion;
mod meaning;
mod mistakes;
mod outside;
mod patterns;
mod prune;
mod robustness;
mod skopeo;
mod stores;

use super::{List, Mistakes};

/// What every list needs.
const SIDES: &str = r#"
version = 1
[source]
registry = "from.example"
[destination]
registry = "to.example"
"#;

fn parse(text: &str) -> Result<List, Mistakes> {
    List::parse("images.toml", text)
}

/// A list with both sides and `more`.
fn list(more: &str) -> List {
    parse(&format!("{SIDES}{more}")).unwrap()
}

/// What is said of a list with both sides and `more`.
fn told(more: &str) -> String {
    parse(&format!("{SIDES}{more}")).unwrap_err().to_string()
}
