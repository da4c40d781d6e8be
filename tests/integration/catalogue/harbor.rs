//! Harbor, whose catalogue is for administrators: a server that speaks the documented JSON of its API.

use axum::{body::Body, http::Response};

use super::entries;
use crate::{
    auth::stub::{Asked, Stub, answer, challenge},
    operator::Operator,
};

const MEMBER: &str = "Basic bWVtYmVyOnNlY3JldA==";

/// The number in `page=`.
fn page(target: &str) -> usize {
    let (_, rest) = target.split_once("page=").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}

/// Harbor with the project `team` of 150 repositories, and `lib` of one.
fn harbor(asked: &Asked) -> Response<Body> {
    let host = asked.header("host").unwrap();
    let authorization = asked.header("authorization").unwrap_or_default();
    let json = |text: String| answer(200, &[("content-type", "application/json")], &text);
    let names = |names: Vec<String>| {
        let objects = names
            .into_iter()
            .map(|name| format!("{{\"id\":1,\"name\":\"{name}\"}}"));
        json(format!("[{}]", objects.collect::<Vec<_>>().join(",")))
    };
    let (path, _) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    if path.starts_with("/token") {
        return json("{\"token\":\"t\"}".into());
    }
    if path.starts_with("/api/v2.0/") && authorization != MEMBER {
        return answer(
            401,
            &[],
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"\"}]}",
        );
    }
    match path {
        "/v2/" if authorization.is_empty() => challenge(host),
        "/v2/" => answer(200, &[], ""),
        "/v2/_catalog" => challenge(host),
        "/api/v2.0/projects" => names(vec!["lib".into(), "team".into()]),
        "/api/v2.0/projects/lib/repositories" => names(vec!["lib/one".into()]),
        "/api/v2.0/projects/team/repositories" => {
            let first = (page(&asked.target) - 1) * 100;
            let numbers = first..(first + 100).min(150);
            names(
                numbers
                    .map(|number| format!("team/sub/{number:03}"))
                    .collect(),
            )
        }
        "/api/v2.0/projects/lib/repositories/one/artifacts" => json(
            "[{\"digest\":\"sha256:0\",\"push_time\":\"2026-01-01T00:00:00.000Z\",\"tags\":[\
             {\"name\":\"old\",\"push_time\":\"2020-01-01T00:00:00.000Z\"},\
             {\"name\":\"new\",\"push_time\":\"2026-01-01T00:00:00.000Z\"}]},\
             {\"digest\":\"sha256:1\",\"push_time\":\"2020-01-01T00:00:00.000Z\",\"tags\":null}]"
                .into(),
        ),
        "/v2/lib/one/tags/list" => json("{\"name\":\"lib/one\",\"tags\":[\"new\",\"old\"]}".into()),
        _ => answer(
            404,
            &[],
            "{\"errors\":[{\"code\":\"NOT_FOUND\",\"message\":\"\"}]}",
        ),
    }
}

/// An operator who is logged in as a member.
fn member(harbor: &Stub) -> Operator {
    let operator = Operator::new();
    let text = format!(
        "{{\"auths\":{{\"{}\":{{\"auth\":\"bWVtYmVyOnNlY3JldA==\"}}}}}}",
        harbor.address
    );
    std::fs::create_dir_all(operator.path(".docker")).unwrap();
    std::fs::write(operator.path(".docker/config.json"), text).unwrap();
    operator
}

#[tokio::test]
async fn harbors_api_lists_a_project_page_by_page() {
    let harbor = Stub::start(harbor).await;
    let operator = member(&harbor);
    let place = format!("{}/team", harbor.address);
    let said = operator.say(&["repos", &place]).await;
    let lines: Vec<&str> = said.expect(0).stdout.lines().collect();
    assert_eq!(lines.len(), 150);
    assert_eq!((lines[0], lines[149]), ("team/sub/000", "team/sub/149"));
}

#[tokio::test]
async fn harbors_api_lists_all_projects() {
    let harbor = Stub::start(harbor).await;
    let operator = member(&harbor);
    let said = operator.say(&["repos", &harbor.address.to_string()]).await;
    assert_eq!(said.expect(0).stdout.lines().count(), 151);
}

#[tokio::test]
async fn push_times_of_harbor_choose_tags_without_a_request_for_each() {
    let harbor = Stub::start(harbor).await;
    let operator = member(&harbor);
    let place = format!("{}/lib", harbor.address);
    let from = ["list", "from", &place, "--newer-than", "2025-06-01"];
    let said = operator.say(&from).await;
    assert_eq!(entries(&said.expect(0).stdout), ["lib/one: new"]);
    assert!(
        said.stderr.contains("listed by Harbor's API"),
        "{}",
        said.stderr
    );
    let manifests = |asked: &Asked| asked.target.contains("/manifests/");
    assert!(!harbor.asked().iter().any(manifests));
}

#[tokio::test]
async fn who_is_not_logged_in_learns_what_was_tried() {
    let harbor = Stub::start(harbor).await;
    let operator = Operator::new();
    let place = format!("{}/team", harbor.address);
    let told = operator
        .say(&["repos", &place])
        .await
        .expect(1)
        .stderr
        .clone();
    for part in [
        "its catalogue ",
        "Harbor's API requires credentials",
        "the tags of team ",
        "/team/NAME",
    ] {
        assert!(told.contains(part), "{told}");
    }
}
