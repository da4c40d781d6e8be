//! The `Link` header of paged answers (RFC 8288; distribution-spec "Listing Tags").
//!
//! Invariant: only a `rel="next"` target is returned, and only inside angle brackets.

/// The target of the first link with `rel=next`.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, parameters) = after.split_once('>')?;
        let parameters = parameters.split('<').next().unwrap_or_default();
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let parameter = parameter.trim();
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split(' ')
                        .any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(target);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        assert_eq!(
            next("</v2/_catalog?last=b&n=2>; rel=\"next\""),
            Some("/v2/_catalog?last=b&n=2")
        );
        assert_eq!(next("<a>; rel=prev, <b,c>; title=x; rel=NEXT"), Some("b,c"));
        assert_eq!(next("<a>; rel=prev"), None);
        assert_eq!(next("a; rel=next"), None);
        assert_eq!(next("<a; rel=next"), None);
    }
}
