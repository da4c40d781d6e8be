//! Registries that are broken in different ways, examined together.

use reqwest::Method;
use transship::serve::{Access, Action, Fault, Options};

use super::{Special, doctor, finding, json, nobody, status};
use crate::{embedded::Embedded, operator::Operator};

fn add(registry: &Embedded, fault: Fault) {
    registry.server.faults().add(fault);
}

#[tokio::test]
async fn eight_broken_registries_have_a_line_each_that_says_what_to_do_and_the_healthy_one_is_examined()
 {
    let operator = Operator::new();
    let unreachable = nobody().await;
    let expired = Special::expired().await;
    let read_only = Special::with(|options, _| Options {
        access: Access::ReadOnly,
        ..options
    })
    .await;
    let password = Special::closed().await;
    let late = Embedded::start().await;
    let date = httpdate::fmt_http_date(
        std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600),
    );
    let (name, value) = ("date".to_owned(), date);
    let two_hours = Fault::on_any("/v2/$", Action::SetHeader { name, value });
    add(&late, two_hours.unwrap());
    let immutable = Embedded::start().await;
    let refusal = Action::answer(409)
        .body(r#"{"errors":[{"code":"TAG_IMMUTABLE","message":"tag doctor is immutable"}]}"#);
    let second = Fault::on(Method::PUT, "/manifests/", refusal).unwrap();
    add(&immutable, second.after(1));
    let separate = Embedded::start().await;
    add(
        &separate,
        Fault::on(Method::POST, "mount=", Action::IgnoreMount).unwrap(),
    );
    let narrow = Embedded::start().await;
    let cap = Action::BodyCap {
        bytes: 1 << 20,
        status: 413,
    };
    add(&narrow, Fault::on_any("/blobs/uploads/", cap).unwrap());
    let healthy = Embedded::start().await;

    // Loopback addresses are plain unless a list says otherwise; both refuse what they get.
    let list = format!(
        "version = 1\n[[images]]\nname = \"x.example/a:1\"\nto = \"y.example/a:1\"\n\
         [registries.\"{}\"]\nplain-http = false\n\
         [registries.\"{}\"]\nusername = \"robot\"\npassword-env = \"WRONG\"\n",
        expired.address(),
        password.address()
    );
    let list = operator.list(&list);
    let addresses = [
        unreachable.clone(),
        expired.address(),
        read_only.address(),
        password.address(),
        late.address(),
        immutable.address(),
        separate.address(),
        narrow.address(),
        healthy.address(),
    ];
    let mut arguments: Vec<&str> = addresses.iter().map(String::as_str).collect();
    arguments.extend(["--push", "--json", "--as-in", list.to_str().unwrap()]);
    let mut command = operator.command(&[&["doctor"], &arguments[..]].concat());
    let ended = command.env("WRONG", "wrong").output().await.unwrap();
    let ended = crate::operator::Ended::from(ended);
    let report = json(ended.expect(1));

    let said = |store: &str, check: &str| {
        let found = finding(&report, store, check);
        format!("{} {}", found["detail"].as_str().unwrap(), found["advice"])
    };
    assert_eq!(status(&report, &unreachable, "connection"), "bad");
    assert!(said(&unreachable, "connection").contains("connection refused"));

    assert_eq!(status(&report, &expired.address(), "tls"), "bad");
    let certificate = said(&expired.address(), "tls");
    for part in ["ended on 2021-01-01", "signed by itself", "127.0.0.1"] {
        assert!(certificate.contains(part), "{certificate}");
    }

    assert_eq!(status(&report, &read_only.address(), "push"), "bad");
    let refused = said(&read_only.address(), "push");
    assert!(refused.contains("read-only"), "{refused}");
    let stores = report["stores"].as_array().unwrap();
    let store = stores.iter().find(|it| it["store"] == read_only.address());
    let findings = store.unwrap()["findings"].as_array().unwrap();
    // Nothing was taken, so there is nothing to clean up.
    assert!(
        findings.iter().all(|it| it["check"] != "cleanup"),
        "{findings:?}"
    );

    assert_eq!(status(&report, &password.address(), "credentials"), "bad");
    let login = format!("`transship login {}`", password.address());
    let refused = said(&password.address(), "credentials");
    assert!(refused.contains(&login), "{refused}");

    assert_eq!(status(&report, &late.address(), "clock"), "bad");
    let behind = &finding(&report, &late.address(), "clock")["measured"]["seconds_ahead"];
    assert!(behind.as_i64().unwrap() <= -7190, "{behind}");

    assert_eq!(
        status(&report, &immutable.address(), "tag_change"),
        "warning"
    );
    assert!(said(&immutable.address(), "tag_change").contains("on-existing"));

    assert_eq!(status(&report, &separate.address(), "mount"), "note");

    assert_eq!(status(&report, &narrow.address(), "upload"), "warning");
    let limit = said(&narrow.address(), "upload");
    assert!(limit.contains("client_max_body_size"), "{limit}");

    for check in ["push", "upload", "mount", "tag_change", "cleanup"] {
        assert_eq!(
            status(&report, &healthy.address(), check),
            "good",
            "{check}"
        );
    }
    for registry in [&immutable, &separate, &narrow, &healthy] {
        super::was_emptied(registry);
    }
    assert!(password.directory.path().exists());
}

#[tokio::test]
async fn a_silent_registry_costs_one_line_in_the_time_that_is_allowed() {
    let (operator, silent) = (Operator::new(), Embedded::start().await);
    let hangs = Fault::on_any("/v2/$", Action::Hang).unwrap();
    let hanging = silent.server.faults().add(hangs);
    let address = silent.address();
    let ended = doctor(&operator, &[&address, "--timeout", "1", "--json"]).await;
    hanging.release();
    let report = json(ended.expect(1));
    assert_eq!(status(&report, &address, "connection"), "bad");
    let found = finding(&report, &address, "connection");
    let detail = found["detail"].as_str().unwrap();
    assert!(detail.contains("no answer within 1 s"), "{found}");
}

#[tokio::test]
async fn manifests_that_cannot_be_removed_are_named_with_the_command() {
    let (operator, registry) = (Operator::new(), Embedded::start().await);
    // The question whether it deletes is the first one.
    let keeps = Fault::on(Method::DELETE, "/manifests/", Action::answer(405));
    add(&registry, keeps.unwrap().after(1));
    let address = registry.address();
    let ended = doctor(&operator, &[&format!("{address}/team"), "--push"]).await;
    let said = &ended.expect(0).stdout;
    assert!(
        said.contains(" still has 2 manifests: it said 405 "),
        "{said}"
    );
    let command = format!("`transship delete {address}/team/transship-doctor-");
    assert!(said.contains(&command), "{said}");
}

#[tokio::test]
async fn a_list_whose_patterns_cannot_be_resolved_still_has_its_registries_examined() {
    let (operator, source) = (Operator::new(), nobody().await);
    let destination = Embedded::start().await;
    let list = format!(
        "version = 1\n[source]\nregistry = \"{source}\"\n\
         [destination]\nregistry = \"{}\"\nprefix = \"mirror\"\n[[images]]\nname = \"team/*\"\n",
        destination.address()
    );
    let list = operator.list(&list);
    let ended = doctor(&operator, &[list.to_str().unwrap(), "--json"]).await;
    let report = json(ended.expect(1));
    assert_eq!(status(&report, &source, "connection"), "bad");
    assert_eq!(status(&report, &destination.address(), "cleanup"), "good");
    assert!(
        ended.stderr.contains("mirror/transship-doctor-"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn what_is_neither_a_list_nor_a_registry_is_a_usage_error() {
    let operator = Operator::new();
    let missing = doctor(&operator, &["missing.toml"]).await;
    let said = &missing.expect(2).stderr;
    assert!(said.contains("there is no such list"), "{said}");
    doctor(&operator, &["b.example/UPPER"]).await.expect(2);
    doctor(&operator, &[]).await.expect(2);
}
