//! Short names of media types.

use super::sanitize;
use crate::oci::MediaType;

/// `OCI index`, `Docker manifest`, `OCI tar+gzip`; other types without `application/`.
#[must_use]
pub fn media_type(media_type: &MediaType) -> String {
    let text = media_type.as_str();
    let known = match text {
        MediaType::OCI_INDEX => "OCI index",
        MediaType::OCI_MANIFEST => "OCI manifest",
        MediaType::OCI_ARTIFACT => "OCI artifact",
        MediaType::OCI_CONFIG => "OCI config",
        MediaType::OCI_EMPTY => "empty",
        MediaType::DOCKER_LIST => "Docker list",
        MediaType::DOCKER_MANIFEST => "Docker manifest",
        MediaType::DOCKER_CONFIG => "Docker config",
        _ => "",
    };
    if !known.is_empty() {
        return known.into();
    }
    for (prefix, kind) in [
        ("application/vnd.oci.image.layer.v1.", "OCI "),
        (
            "application/vnd.oci.image.layer.nondistributable.v1.",
            "OCI foreign ",
        ),
        ("application/vnd.docker.image.rootfs.diff.", "Docker "),
        (
            "application/vnd.docker.image.rootfs.foreign.diff.",
            "Docker foreign ",
        ),
        ("application/vnd.", ""),
        ("application/", ""),
    ] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return format!("{kind}{}", sanitize(rest));
        }
    }
    sanitize(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_have_short_names() {
        let written = [
            MediaType::OCI_INDEX,
            MediaType::OCI_LAYER_GZIP,
            "application/vnd.oci.image.layer.v1.tar+zstd",
            MediaType::DOCKER_LAYER,
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "text/spdx\u{1b}[2J",
        ]
        .map(|text| media_type(&MediaType::new(text)));
        assert_eq!(
            written,
            [
                "OCI index",
                "OCI tar+gzip",
                "OCI tar+zstd",
                "Docker tar.gzip",
                "cncf.helm.chart.content.v1.tar+gzip",
                "text/spdx�[2J",
            ]
        );
    }
}
