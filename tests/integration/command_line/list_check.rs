//! `list check --json`: its fields.

use serde_json::{Value, json};

use crate::operator::Operator;

async fn check(text: &str, code: i32) -> Value {
    let operator = Operator::new();
    let list = operator.list(text);
    let path = list.to_str().unwrap();
    let said = operator.say(&["list", "check", path, "--json"]).await;
    assert_eq!(said.expect(code).stderr, "");
    let shown = said.stdout.replace(path, "list.toml");
    serde_json::from_str(&shown).unwrap()
}

#[tokio::test]
async fn a_list_without_mistakes_is_summed_up() {
    let text = "version = 1\nimages = [\"team/api:1\", \"team/*\"]\n\
                [source]\nregistry = \"a.example\"\nverify = false\n\
                [destination]\nregistry = \"b.example\"\nprefix = \"mirror\"\npassword-file = \"/secret\"\n\
                username = \"me\"\n";
    let mut found = check(text, 0).await;
    let actions = found["actions"].take();
    let warning = found["warnings"][0].take();
    assert_eq!(
        found,
        json!({
            "file": "list.toml",
            "mistakes": [],
            "warnings": [null],
            "summary": {
                "images": 1, "rewrites": 0, "filters": 0, "repositories": 0, "patterns": 1, "files": 0,
                "groups": 0
            },
            "source": {"store": "a.example", "prefix": null},
            "destination": {"store": "b.example", "prefix": "mirror"},
            "actions": null,
        })
    );
    assert!(warning.as_str().unwrap().contains("a.example"), "{warning}");
    let is_read = |action: &Value| {
        action["kind"] == "reads" && action["what"].as_str().unwrap().contains("/secret")
    };
    assert!(actions.as_array().unwrap().iter().any(is_read), "{actions}");
    let fields = actions[0].as_object().unwrap().keys();
    assert!(fields.eq(["kind", "purpose", "what"]));
}

#[tokio::test]
async fn mistakes_have_a_place_a_message_and_help() {
    let text = "version = 1\nimages = [\"a.example/ü:1\", \"a.example/b:1\", \"a.example/b:1\"]\n\
                [destination]\nregistry = \"b.example\"\n";
    let found = check(text, 2).await;
    assert_eq!(found["summary"], Value::Null);
    let mistakes = found["mistakes"].as_array().unwrap();
    let places: Vec<(&Value, &Value)> = (mistakes.iter())
        .map(|mistake| (&mistake["line"], &mistake["column"]))
        .collect();
    assert_eq!(places[0], (&json!(2), &json!(22)), "{found}");
    for mistake in mistakes {
        assert_eq!(mistake["file"], "list.toml");
        assert!(mistake["message"].is_string(), "{mistake}");
        let fields = mistake.as_object().unwrap().keys();
        assert!(fields.eq(["column", "file", "help", "line", "message", "related"]));
    }
}
