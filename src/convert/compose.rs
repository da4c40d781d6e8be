//! Compose files.
//!
//! Decides which images the services name. Variables have the default that is written with them. Invariant: an image
//! that is named twice is written once.

use std::rc::Rc;

use super::{draft::Draft, quote::quote, yaml::Node};

pub(super) fn read(documents: &[Rc<Node>], draft: &mut Draft) {
    for document in documents {
        for entry in document.entries() {
            match entry.key.as_str() {
                "services" => services(&entry.value, draft),
                "include" => draft.no_counterpart(
                    entry.line,
                    "include",
                    "convert the included files as well",
                ),
                _ => {}
            }
        }
    }
}

fn services(services: &Node, draft: &mut Draft) {
    for service in services.entries() {
        let name = quote(&service.key);
        let Some(image) = service.value.get("image") else {
            let why = match service.value.get("build") {
                Some(_) => "is built and names no image",
                None => "names no image",
            };
            draft.comment(service.line, format!("the service {name} {why}"));
            continue;
        };
        match image.text().map(interpolated) {
            None => draft.comment(
                image.line,
                format!("the image of the service {name} is no text"),
            ),
            Some(Ok((text, defaults))) => {
                if defaults {
                    draft.comment(
                        image.line,
                        format!("the defaults of the variables are used for the service {name}"),
                    );
                }
                draft.name_once(image.line, &text);
            }
            Some(Err(variable)) => draft.comment(
                image.line,
                format!(
                    "the image of the service {name} is not converted: the variable {} has no default here; \
                     `docker compose config` writes its value",
                    quote(variable)
                ),
            ),
        }
    }
}

/// The text with the defaults of its variables, and whether there are any. Fails with a variable that has none.
fn interpolated(text: &str) -> Result<(String, bool), &str> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    let mut defaults = false;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            rest = after;
            continue;
        }
        let Some((variable, after)) = after
            .strip_prefix('{')
            .and_then(|inside| inside.split_once('}'))
        else {
            return Err(after);
        };
        let (_, default) = variable.split_once('-').ok_or(variable)?;
        if default.contains('$') {
            return Err(variable);
        }
        result.push_str(default);
        defaults = true;
        rest = after;
    }
    result.push_str(rest);
    Ok((result, defaults))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_its_default() {
        let image = "${HUB:-docker.io}/library/nginx:${TAG-1.27}";
        assert_eq!(
            interpolated(image),
            Ok(("docker.io/library/nginx:1.27".into(), true))
        );
        assert_eq!(interpolated("nginx"), Ok(("nginx".into(), false)));
        assert_eq!(interpolated("${TAG}"), Err("TAG"));
        assert_eq!(interpolated("nginx:$TAG"), Err("TAG"));
        assert_eq!(interpolated("${A:-${B:-1}}"), Err("A:-${B:-1"));
    }
}
