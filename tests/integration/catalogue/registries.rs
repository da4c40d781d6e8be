//! Registries with a catalogue: the embedded one and docker-registry.

use reqwest::Method;
use transship::serve::{Action, Fault};

use super::{entries, list_from, put, sample};
use crate::{
    docker_registry::DockerRegistry,
    embedded::Embedded,
    operator::{Operator, pasteable},
};

#[tokio::test]
async fn repos_lists_the_catalogue_as_lines_or_as_json() {
    let (registry, operator) = (sample().await, Operator::new());
    let said = operator.say(&["repos", &registry.address()]).await;
    assert_eq!(
        said.expect(0).stdout,
        "base/debian\nteam/api\nteam/web\ntools\n"
    );
    let team = format!("{}/team", registry.address());
    let said = operator.say(&["repos", &team, "--json"]).await;
    assert_eq!(said.expect(0).stdout, "[\"team/api\",\"team/web\"]\n");
}

#[tokio::test]
async fn a_catalogue_of_several_pages_is_read_to_its_end() {
    let (registry, operator) = (Embedded::start().await, Operator::new());
    let names: Vec<String> = (0..1_100)
        .map(|number| format!("many/{number:04}"))
        .collect();
    for name in &names {
        put(&registry, name, &["1"]);
    }
    let said = operator.say(&["repos", &registry.address()]).await;
    assert!(said.expect(0).stdout.lines().eq(&names));
    let pages = registry.requests().into_iter();
    let pages = pages.filter(|request| request.target.starts_with("/v2/_catalog"));
    assert_eq!(pages.count(), 2);
}

#[tokio::test]
async fn a_list_of_a_registry_runs() {
    let (registry, operator) = (sample().await, Operator::new());
    let destination = Embedded::start().await;
    let file = operator.path("from.toml");
    let to = format!("{}/mirror", destination.address());
    let from = ["list", "from", &registry.address(), "--to", &to, "-o"];
    let said = operator
        .say(&[&from[..], &[file.to_str().unwrap()]].concat())
        .await;
    let told = &said.expect(0).stderr;
    assert!(told.contains("4 repositories and 9 tags of"), "{told}");
    assert_eq!(said.stdout, "");
    let [next] = pasteable(told)[..] else {
        panic!("{told}")
    };
    let ran = operator.paste(next).await;
    assert!(ran.expect(0).stdout.contains("9 copied"), "{}", ran.stdout);
    let store = destination.server.store();
    let tags = store.tags(&"mirror/team/api".parse().unwrap()).unwrap();
    assert_eq!(tags.len(), 4);
}

#[tokio::test]
async fn options_choose_repositories_and_tags() {
    let (registry, operator) = (sample().await, Operator::new());
    let address = registry.address();
    let chosen = async |place: &str, options: &[&str]| {
        let place = format!("{address}{place}");
        entries(&list_from(&operator, &[&[&*place], options].concat()).await)
    };
    assert_eq!(
        chosen(
            "",
            &["--repo", "team/*", "--repo", "too?s", "--tags", "latest"]
        )
        .await,
        ["team/api: latest", "tools: latest"]
    );
    assert_eq!(chosen("/team", &["--repo", "w*"]).await, ["team/web: 1.0"]);
    assert_eq!(
        chosen("", &["--latest", "1", "--exclude", ".*-rc.*"]).await,
        ["base/debian: 12", "team/api: 1.10", "team/web: 1.0"]
    );
    assert_eq!(
        chosen("", &["--semver", "<1.10"]).await,
        ["team/api: 1.9", "team/web: 1.0"]
    );
}

#[tokio::test]
async fn a_list_with_patterns_follows_the_registry() {
    let (registry, operator) = (sample().await, Operator::new());
    let destination = Embedded::start().await;
    let place = format!("{}/team", registry.address());
    let options = [
        "--latest",
        "1",
        "--as-patterns",
        "--to",
        &destination.address(),
    ];
    let text = list_from(&operator, &[&[&*place], &options[..]].concat()).await;
    assert!(text.contains("name = \"team/*\"\nlatest = 1\n"), "{text}");
    put(&registry, "team/api", &["3.0"]);
    put(&registry, "team/new", &["1"]);
    operator.run(&text, &[]).await.expect(0);
    let tags = |name: &str| {
        let store = destination.server.store();
        store.tags(&name.parse().unwrap()).unwrap()
    };
    assert_eq!(tags("team/api"), ["3.0"]);
    assert_eq!(tags("team/new"), ["1"]);
}

#[tokio::test]
async fn nothing_chosen_is_said_and_no_file_is_written_or_replaced() {
    let (registry, operator) = (sample().await, Operator::new());
    let file = operator.path("from.toml");
    let address = registry.address();
    let from = ["list", "from", &address, "-o", file.to_str().unwrap()];
    let said = operator
        .say(&[&from[..], &["--tags", "none"]].concat())
        .await;
    let told = &said.expect(4).stderr;
    assert!(
        told.contains("no tag of") && told.contains("of 4 repositories"),
        "{told}"
    );
    assert!(!file.exists());
    std::fs::write(&file, "mine").unwrap();
    let asked = registry.requests().len();
    let said = operator.say(&from).await;
    assert!(
        said.expect(2).stderr.contains("--force replaces it"),
        "{}",
        said.stderr
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(
        registry.requests().len(),
        asked,
        "it was refused before anything was read"
    );
    let nowhere = format!("{address}/nowhere");
    let said = operator.say(&["repos", &nowhere]).await;
    assert!(
        said.expect(4).stderr.contains("no repository nowhere"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn a_repository_that_may_not_be_read_is_left_out_and_said() {
    let (registry, operator) = (sample().await, Operator::new());
    let fault = Fault::on(Method::GET, "/v2/team/api/tags", Action::answer(403)).unwrap();
    let _fault = registry.server.faults().add(fault);
    let said = operator.say(&["list", "from", &registry.address()]).await;
    let told = &said.expect(1).stderr;
    assert!(told.contains("team/api is left out: "), "{told}");
    assert!(
        said.stdout.contains("# team/api is left out: "),
        "{}",
        said.stdout
    );
    assert_eq!(entries(&said.stdout).len(), 3);
}

#[tokio::test]
async fn where_no_interface_lists_repositories_each_that_was_tried_is_said() {
    let (registry, operator) = (sample().await, Operator::new());
    let fault = Fault::on(Method::GET, "/v2/_catalog", Action::answer(404)).unwrap();
    let _fault = registry.server.faults().add(fault);
    let said = operator.say(&["repos", &registry.address()]).await;
    let told = &said.expect(1).stderr;
    for part in [
        "its catalogue said 404",
        "Harbor's API ",
        "name a repository",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let place = format!("{}/team/api", registry.address());
    let text = list_from(&operator, &[&place, "--latest", "1"]).await;
    assert_eq!(entries(&text), ["team/api: 2.0-rc1"]);
}

#[tokio::test]
async fn a_registry_that_is_down_is_unreachable_and_not_empty() {
    let (registry, operator) = (sample().await, Operator::new());
    let fault = Fault::on(Method::GET, "/v2/_catalog", Action::answer(503)).unwrap();
    let _fault = registry.server.faults().add(fault);
    operator
        .say(&["repos", &registry.address()])
        .await
        .expect(5);
}

#[tokio::test]
async fn docker_registry_lists_what_was_copied_there() {
    let Some(real) = DockerRegistry::start().await else {
        return;
    };
    let (registry, operator) = (sample().await, Operator::new());
    let to = ["--to", real.address()];
    let text = list_from(&operator, &[&[&*registry.address()], &to[..]].concat()).await;
    operator.run(&text, &[]).await.expect(0);
    let said = operator.say(&["repos", real.address()]).await;
    assert_eq!(said.expect(0).stdout.lines().count(), 4);
    let back = Embedded::start().await;
    let to = ["--to", &back.address()];
    let again = list_from(&operator, &[&[real.address()], &to[..]].concat()).await;
    let sorted = |text: &str| {
        let mut words: Vec<String> = entries(text)
            .join(" ")
            .split(' ')
            .map(str::to_owned)
            .collect();
        words.sort();
        words
    };
    assert_eq!(sorted(&again), sorted(&text));
    operator.run(&again, &[]).await.expect(0);
    let tags = back
        .server
        .store()
        .tags(&"base/debian".parse().unwrap())
        .unwrap();
    assert_eq!(tags.len(), 3);
}
