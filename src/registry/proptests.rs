//! Properties of the parsers of untrusted headers and bodies. `PROPTEST_CASES` sets the number of cases.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderValue};
use url::Url;

use super::{
    Operation, Refusal,
    blobs::content_range_start,
    error_body, link,
    redirect_policy::RedirectPolicy,
    secrets::{Secrets, redacted},
    throttling::{Throttling, retry_after},
    uploads::received_bytes,
};
use crate::batch::{Budget, Millis};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Text of `pieces` in any order, and random text.
fn text(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => "[ -~]{0,8}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
    ]
}

/// The values that are valid in headers.
fn headers(values: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.append(*name, value);
        }
    }
    headers
}

const LINK: &[&str] = &[
    "<",
    ">",
    ";",
    ",",
    "rel",
    "=",
    "next",
    "\"",
    "/v2/_catalog?n=2",
    "prev",
    " ",
    "NEXT",
];

proptest! {
    #[test]
    fn the_next_page_is_what_stands_in_angle_brackets(text in text(LINK)) {
        if let Some(target) = link::next(&text) {
            let bracketed = format!("<{target}>");
            prop_assert!(text.contains(&bracketed), "{target:?} of {text:?}");
            prop_assert!(text.to_ascii_lowercase().contains("next"));
        }
    }

    #[test]
    fn the_next_page_is_found_among_other_links(
        others in prop::collection::vec(("[^<>]{0,20}", "(prev|first|last|nextish)"), 0..4),
        next in "[^<>]{0,40}",
        at in any::<prop::sample::Index>(),
        quoted in any::<bool>(),
    ) {
        let mut links: Vec<_> = others
            .iter()
            .map(|(target, rel)| format!("<{target}>; rel={rel}"))
            .collect();
        let rel = if quoted { "\"next\"" } else { "next" };
        links.insert(at.index(links.len() + 1), format!("<{next}>; rel={rel}"));
        let links = links.join(", ");
        prop_assert_eq!(link::next(&links), Some(next.as_str()));
    }
}

const RANGE: &[&str] = &[
    "bytes",
    "=",
    " ",
    "-",
    "/",
    "*",
    "0",
    "+",
    "18446744073709551615",
];

proptest! {
    #[test]
    fn any_range_is_read_without_panic(text in text(RANGE)) {
        let _ = content_range_start(&text);
        let _ = received_bytes(&text);
    }

    #[test]
    fn a_range_as_it_should_be_is_read_exactly(first: u64, last: u64, whole: Option<u64>) {
        let whole = whole.map_or("*".to_owned(), |whole| whole.to_string());
        let range = format!("bytes {first}-{last}/{whole}");
        prop_assert_eq!(content_range_start(&range), Some(first));
        let received = match last {
            0 => Some(0),
            last => last.checked_add(1),
        };
        prop_assert_eq!(received_bytes(&format!("0-{last}")), received);
        prop_assert_eq!(received_bytes(&format!("bytes=0-{last}")), received);
    }
}

const TIME: &[&str] = &[
    "Wed, ",
    "21 ",
    "Oct ",
    "2015 ",
    "07:28:00",
    " GMT",
    "-",
    "1e9",
    ".5",
    "120",
    "Sunday, ",
    "06-Nov-94 ",
    "99999999999999999999",
    "00:00:60",
    "9999 ",
];
const QUOTA: &[&str] = &[
    "100",
    ";",
    "w=",
    "21600",
    ",",
    " ",
    "0",
    "-1",
    "18446744073709551615",
];
const WORDS: &[&str] = &[
    "TOOMANYREQUESTS",
    "throttled",
    "pull rate limit",
    "HAP429",
    " ",
    "quota",
    "immutable",
    "project",
    "not found",
    "DENIED",
    "invalid json syntax",
    "policy",
    "exceed",
    "limit",
];

proptest! {
    #[test]
    fn a_registry_is_left_alone_for_a_day_at_most(text in text(TIME), seconds: u64, from_now in 0..40_000_000u64) {
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(from_now));
        for text in [text, seconds.to_string(), date.clone()] {
            let pause = retry_after(&headers(&[("retry-after", &text)]));
            prop_assert!(pause.unwrap_or_default() <= DAY, "{text:?}");
            if text == date {
                let pause = pause.unwrap().as_secs();
                // The clock goes on, and dates have whole seconds.
                prop_assert!(pause <= from_now && pause + 60 >= from_now.min(DAY.as_secs()));
            }
        }
    }

    #[test]
    fn any_quota_is_read_without_panic_and_waited_for_a_day_at_most(
        limit in text(QUOTA),
        remaining in text(QUOTA),
        status: u16,
        code in proptest::option::of(text(WORDS)),
        message in proptest::option::of(text(WORDS)),
        pause in proptest::option::of(0..=DAY.as_secs()),
    ) {
        let headers = headers(&[("ratelimit-limit", &limit), ("ratelimit-remaining", &remaining)]);
        let budget = Budget::read(&headers);
        let pause = pause.map(Duration::from_secs);
        let (code, message) = (code.as_deref(), message.as_deref());
        match Throttling::of(status, code, message, pause, budget) {
            Throttling::Quota { pause } | Throttling::Rate { pause: Some(pause) } => {
                prop_assert!(pause <= DAY);
            }
            Throttling::Rate { pause: None }
            | Throttling::Operation
            | Throttling::Strain
            | Throttling::None => {}
        }
        for operation in [Operation::PutManifest, Operation::BeginUpload, Operation::GetBlob] {
            let refusal = Refusal::of(operation, status, code, message);
            prop_assert!(refusal.is_none() || matches!(status, 400..500 | 507));
        }
    }

    #[test]
    fn a_quota_as_it_should_be_is_read_exactly(limit: u64, remaining: u64, window: u64) {
        let text = |count| format!("{count};w={window}");
        let headers = headers(&[("ratelimit-limit", &text(limit)), ("ratelimit-remaining", &text(remaining))]);
        let window_ms = Some(Millis(window.saturating_mul(1000)));
        prop_assert_eq!(Budget::read(&headers), Some(Budget { limit, remaining, window_ms }));
    }
}

/// Documents of the shape of an error's, and anything else.
fn error_body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        "\"[A-Z_]{0,400}\"",
    ];
    let key = prop::sample::select(vec!["errors", "code", "message", "detail", "x"]);
    let value = leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| {
                let fields = fields
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }),
        ]
    });
    prop_oneof![
        any::<Vec<u8>>(),
        value.clone().prop_map(String::into_bytes),
        value.prop_map(|error| format!("{{\"errors\":[{error}]}}").into_bytes()),
    ]
}

/// What a URL may be made of.
const URL: &[&str] = &[
    "http://",
    "https://",
    "//",
    "/",
    "?",
    "&",
    "=",
    "#",
    "@",
    ":",
    "r.example",
    "127.0.0.1",
    "[::ffff:10.0.0.1]",
    "0x7f.1",
    "localhost",
    "%1b",
    "%0a",
    "%00",
    "..",
    "_state",
    "digest",
    "\\",
];

proptest! {
    #[test]
    fn an_error_says_one_line_that_cannot_steer_a_terminal(body in error_body()) {
        let (code, message) = error_body::parse(&body, &Secrets::default());
        for text in [code, message].into_iter().flatten() {
            prop_assert!(!text.is_empty() && text.chars().count() <= 300);
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn a_public_registry_leads_to_no_place_it_should_not(
        text in text(URL),
        base in prop::sample::select(vec!["http://r.example/v2/", "https://r.example:8443/v2/"]),
    ) {
        let base: Url = base.parse().unwrap();
        if let Ok(url) = RedirectPolicy::new(base.clone(), false).resolve(&base, &text) {
            prop_assert!(matches!(url.scheme(), "http" | "https"));
            prop_assert!(base.scheme() == "http" || url.scheme() == "https", "{url}");
            if let Some(url::Host::Ipv4(address)) = url.host() {
                prop_assert!(!address.is_loopback() && !address.is_private(), "{url}");
            }
        }
    }

    #[test]
    fn a_url_is_shown_without_secrets_and_without_what_steers_a_terminal(
        text in text(URL),
        key in "[a-zA-Z-]{1,12}",
        user in "[a-z]{0,4}",
    ) {
        let base: Url = "https://r.example/v2/".parse().unwrap();
        if let Ok(mut url) = base.join(&text) {
            let _ = url.set_username(&user);
            let _ = url.set_password(Some("5ECRET"));
            let harmless = ["digest", "mount", "from", "n", "last", "scope", "service", "artifactType"];
            if !harmless.contains(&key.as_str()) {
                url.query_pairs_mut().append_pair(&key, "5ECRET");
            }
            url.query_pairs_mut().append_key_only("5ECRET");
            url.set_fragment(Some("5ECRET"));
            let shown = redacted(&url);
            prop_assert!(!shown.contains("5ECRET"), "{shown}");
            prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
    }
}
