//! A policy: which requirements an image has to meet.
//!
//! Decides which entry holds for an image: the most specific one alone. Invariant: every image has one, and no entry is
//! empty.

use std::collections::HashMap;

use super::{image::PolicyImage, requirement::Requirement};

#[derive(Debug)]
pub struct Policy {
    pub(super) default: Vec<Requirement>,
    /// By transport and scope. An empty scope is the default of its transport.
    pub(super) transports: HashMap<String, HashMap<String, Vec<Requirement>>>,
}

/// The entry of a policy that holds for an image.
#[derive(Debug)]
pub struct Rule<'p> {
    /// Where it is, as in `transports.docker["r.example"]`.
    pub entry: String,
    pub requirements: &'p [Requirement],
}

impl Policy {
    #[must_use]
    pub fn rule(&self, image: &PolicyImage) -> Rule<'_> {
        let default = Rule {
            entry: "default".into(),
            requirements: &self.default,
        };
        let Some(scopes) = self.transports.get(image.transport) else {
            return default;
        };
        let mut names = image.scopes().chain([""]);
        let found = names.find_map(|name| scopes.get_key_value(name));
        found.map_or(default, |(name, requirements)| Rule {
            entry: entry(image.transport, name),
            requirements,
        })
    }
}

/// The path of a scope in the JSON of a policy.
pub(super) fn entry(transport: &str, scope: &str) -> String {
    format!("transports.{transport}[{scope:?}]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::policy::parse::parse_policy;

    #[test]
    fn the_most_specific_entry_holds_alone() {
        let accept = r#"[{"type": "insecureAcceptAnything"}]"#;
        let scopes = [
            "",
            "r.example/team/api:1",
            "r.example/team",
            "r.example:5000",
            "*.example",
        ];
        let scopes = scopes.map(|scope| format!("{scope:?}: {accept}")).join(",");
        let text = format!(
            r#"{{"default": {accept}, "transports": {{"docker": {{{scopes}}}, "dir": {{"/srv": {accept}}}}}}}"#
        );
        let policy = parse_policy(text.as_bytes(), &|_| Err(String::new())).unwrap();
        for (location, expected) in [
            (
                "r.example/team/api:1",
                r#"transports.docker["r.example/team/api:1"]"#,
            ),
            (
                "r.example/team/api:2",
                r#"transports.docker["r.example/team"]"#,
            ),
            ("r.example/teams/api:2", r#"transports.docker["*.example"]"#),
            (
                "r.example:5000/x:1",
                r#"transports.docker["r.example:5000"]"#,
            ),
            ("r.example:5001/x:1", r#"transports.docker["*.example"]"#),
            ("other.test/x:1", r#"transports.docker[""]"#),
            ("dir:/srv/x", r#"transports.dir["/srv"]"#),
            ("dir:/opt/x", "default"),
            ("docker-archive:/srv/x.tar", "default"),
        ] {
            let location: crate::oci::Location = location.parse().unwrap();
            let path = location.local().and_then(|image| image.store.path());
            let image = PolicyImage::of(&location, path);
            assert_eq!(policy.rule(&image).entry, expected, "{location}");
        }
    }
}
