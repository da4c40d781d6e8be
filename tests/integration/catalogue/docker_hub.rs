//! Docker Hub: a proxy in front of it that answers in its place, with the documented JSON of its web API.

use axum::{body::Body, http::Response};

use super::entries;
use crate::{
    auth::stub::{Asked, Stub, answer},
    operator::Operator,
};

const API: &str = "http://hub.docker.com/v2/namespaces";
const REGISTRY: &str = "http://registry-1.docker.io/v2";

fn docker_hub(asked: &Asked) -> Response<Body> {
    let json = |text: &str| answer(200, &[("content-type", "application/json")], text);
    let (url, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let is = |base: &str, path: &str| url == format!("{base}{path}");
    if is(API, "/library/repositories") && query.contains("page=1&") {
        return json(
            "{\"count\":2,\"next\":\"https://elsewhere.example/\",\"previous\":null,\
             \"results\":[{\"name\":\"nginx\",\"namespace\":\"library\",\"repository_type\":\"image\"}]}",
        );
    }
    if is(API, "/library/repositories") && query.contains("page=2&") {
        return json(
            "{\"count\":2,\"next\":null,\"results\":[{\"name\":\"redis\",\"namespace\":\"library\"}]}",
        );
    }
    if is(API, "/library/repositories/nginx/tags") {
        return json(
            "{\"count\":2,\"next\":null,\"results\":[\
             {\"name\":\"1.27\",\"tag_last_pushed\":\"2026-01-01T00:00:00.1Z\"},\
             {\"name\":\"1.0\",\"last_updated\":\"2020-01-01T00:00:00Z\"}]}",
        );
    }
    if is(REGISTRY, "/") {
        return answer(200, &[], "");
    }
    if is(REGISTRY, "/library/nginx/tags/list") {
        return json("{\"name\":\"library/nginx\",\"tags\":[\"1.0\",\"1.27\"]}");
    }
    answer(404, &[], "{\"message\":\"object not found\"}")
}

/// A list whose settings lead all requests for Docker Hub to `proxy`.
fn settings(operator: &Operator, proxy: &Stub) -> String {
    let list = operator.list(&format!(
        "version = 1\nimages = [\"docker.io/library/nginx\"]\n[destination]\nregistry = \"b.example\"\n\
         [registries.\"docker.io\"]\nplain-http = true\nproxy = \"http://{}\"\n",
        proxy.address
    ));
    list.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_namespace_of_docker_hub_is_listed_page_by_page() {
    let hub = Stub::start(docker_hub).await;
    let operator = Operator::new();
    let list = settings(&operator, &hub);
    let said = operator
        .say(&["repos", "docker.io/library", "--as-in", &list])
        .await;
    assert_eq!(said.expect(0).stdout, "library/nginx\nlibrary/redis\n");
    let asked = hub.asked();
    let elsewhere = |asked: &&Asked| asked.target.contains("elsewhere");
    assert!(asked.iter().find(elsewhere).is_none());
    let said = operator
        .say(&["repos", "docker.io/nobody", "--as-in", &list])
        .await;
    let told = &said.expect(1).stderr;
    assert!(
        told.contains("its web API") && told.contains("404"),
        "{told}"
    );
    let said = operator
        .say(&["repos", "docker.io", "--as-in", &list])
        .await;
    assert!(
        said.expect(1).stderr.contains("docker.io/library"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn push_times_of_docker_hub_choose_tags_without_counting_as_pulls() {
    let hub = Stub::start(docker_hub).await;
    let operator = Operator::new();
    let list = settings(&operator, &hub);
    let place = "docker.io/library/nginx";
    let from = [
        "list",
        "from",
        place,
        "--newer-than",
        "2025-06-01",
        "--as-in",
        &list,
    ];
    let said = operator.say(&from).await;
    assert_eq!(entries(&said.expect(0).stdout), ["library/nginx: 1.27"]);
    let manifests = |asked: &Asked| asked.target.contains("/manifests/");
    assert!(!hub.asked().iter().any(manifests));
}
