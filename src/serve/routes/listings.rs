//! Lists: tags, repositories, referrers (distribution-spec "Content Discovery").
//!
//! Decides where a page ends. Invariant: names are sorted by their bytes, so that adding or removing one
//! between two pages never repeats or skips another.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use serde_json::json;
use url::form_urlencoded;

use crate::{
    oci::{Digest, MediaType, Repository},
    serve::{
        errors::{ErrorCode, ErrorResponse},
        paths::Query,
        responses::json,
        service::Service,
    },
};

const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

pub(super) async fn tags(
    service: &Service,
    repository: Repository,
    query: &Query<'_>,
) -> Result<Response, ErrorResponse> {
    let listed = repository.clone();
    let tags = service.on_disk(move |store| {
        if store.has_repository(&listed) {
            store.tags(&listed).map(Some)
        } else {
            Ok(None)
        }
    });
    let tags = tags
        .await?
        .ok_or_else(|| ErrorResponse::new(ErrorCode::NameUnknown, "there is no such repository"))?;
    let page = Page::of(tags, query)?;
    let path = format!("/v2/{repository}/tags/list");
    let list = json(&json!({"name": repository, "tags": page.names}));
    Ok(page.linked(list, &path))
}

pub(super) async fn catalog(
    service: &Service,
    query: &Query<'_>,
) -> Result<Response, ErrorResponse> {
    let repositories = service.on_disk(|store| store.repositories()).await?;
    let page = Page::of(repositories, query)?;
    let list = json(&json!({"repositories": page.names}));
    Ok(page.linked(list, "/v2/_catalog"))
}

pub(super) async fn referrers(
    service: &Service,
    repository: Repository,
    subject: Digest,
    query: &Query<'_>,
) -> Result<Response, ErrorResponse> {
    let mut referrers = service
        .on_disk(move |store| store.referrers(&repository, &subject))
        .await?;
    let artifact_type = query.get("artifactType").map(MediaType::new);
    if artifact_type.is_some() {
        referrers.retain(|referrer| referrer.artifact_type == artifact_type);
    }
    let mut response = json(&json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": referrers,
    }));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(MediaType::OCI_INDEX),
    );
    if artifact_type.is_some() {
        headers.insert(
            OCI_FILTERS_APPLIED,
            HeaderValue::from_static("artifactType"),
        );
    }
    Ok(response)
}

struct Page {
    names: Vec<String>,
    /// The query of the page after this one.
    next: Option<String>,
}

impl Page {
    fn of(names: Vec<String>, query: &Query<'_>) -> Result<Self, ErrorResponse> {
        let size = match query.get("n").map(str::parse::<usize>) {
            None => usize::MAX,
            Some(Ok(size)) => size,
            Some(Err(_)) => {
                return Err(ErrorResponse::new(
                    ErrorCode::PaginationNumberInvalid,
                    "n must be a number",
                ));
            }
        };
        let last = query.get("last").unwrap_or_default();
        let rest = names.partition_point(|name| name.as_str() <= last);
        let mut names: Vec<String> = names.into_iter().skip(rest).collect();
        let more = names.len() > size;
        names.truncate(size);
        let next = names.last().filter(|_| more).map(|last| {
            form_urlencoded::Serializer::new(String::new())
                .append_pair("last", last)
                .append_pair("n", &size.to_string())
                .finish()
        });
        Ok(Self { names, next })
    }

    fn linked(self, mut response: Response, path: &str) -> Response {
        let link = self
            .next
            .and_then(|query| format!("<{path}?{query}>; rel=\"next\"").parse().ok());
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> (Vec<String>, Option<String>) {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let page = Page::of(names, &Query::parse(query.as_bytes())).unwrap();
        (page.names, page.next)
    }

    #[test]
    fn pages_end_where_asked_and_say_how_to_go_on() {
        assert_eq!(page("").0, ["a", "b", "c"]);
        assert_eq!(
            page("n=2"),
            (vec!["a".into(), "b".into()], Some("last=b&n=2".into()))
        );
        assert_eq!(page("n=2&last=b"), (vec!["c".into()], None));
        assert_eq!(page("last=aa").0, ["b", "c"]);
        assert_eq!(page("n=0"), (vec![], None));
        assert_eq!(page("n=3").1, None);
    }
}
