//! `prune` and `prune-limit`.

use super::{list, parse, told};
use crate::list::PruneLimit;

const IMAGE: &str = "[[images]]\nname = \"a:1\"\n";

fn limit(keys: &str) -> Option<PruneLimit> {
    list(&format!("{keys}\n{IMAGE}")).destination.unwrap().prune
}

#[test]
fn nothing_is_pruned_unless_the_list_says_so() {
    assert_eq!(limit(""), None);
    assert_eq!(limit("prune = false"), None);
}

#[test]
fn a_limit_is_a_share_or_a_number_of_tags() {
    assert_eq!(limit("prune = true"), Some(PruneLimit::Percent(10)));
    let share = "prune = true\nprune-limit = \"25 %\"";
    assert_eq!(limit(share), Some(PruneLimit::Percent(25)));
    let tags = "prune = true\nprune-limit = 3";
    assert_eq!(limit(tags), Some(PruneLimit::Tags(3)));
}

#[test]
fn wrong_limits_are_told_with_what_to_write() {
    for wrong in ["\"120%\"", "\"few\"", "0", "-1", "true", "\"-5%\""] {
        let told = told(&format!("prune = true\nprune-limit = {wrong}\n{IMAGE}"));
        assert!(told.contains("10%"), "{wrong}: {told}");
    }
    let told = told(&format!("prune-limit = 5\n{IMAGE}"));
    assert!(told.contains("no effect without `prune`"), "{told}");
}

#[test]
fn a_local_store_is_not_pruned() {
    let text = "version = 1\nimages = [\"a.example/a:1\"]\n[destination]\noci = \"estate\"\nprune = true\n";
    let told = parse(text).unwrap_err().to_string();
    assert!(told.contains("`prune` is for a registry"), "{told}");
}
