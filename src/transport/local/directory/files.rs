//! The names of the files in an image directory.
//!
//! Invariant: no name leads out of the directory.

use crate::oci::Digest;

pub(super) const VERSION_FILE: &str = "version";
pub(super) const VERSION_PREFIX: &str = "Directory Transport Version: ";
pub(super) const VERSION: &str = "1.1";
pub(super) const MANIFEST: &str = "manifest.json";
const MANIFEST_SUFFIX: &str = ".manifest.json";

/// containers/image writes the hex digits alone, and the algorithm only where it is another than SHA-256.
pub(super) fn blob_file(digest: &Digest) -> String {
    match digest.algorithm() {
        "sha256" => digest.hex(),
        other => format!("{other}-{}", digest.hex()),
    }
}

/// The file of a manifest other than the image's own.
pub(super) fn manifest_file(digest: &Digest) -> String {
    format!("{}{MANIFEST_SUFFIX}", blob_file(digest))
}

/// The digest that a file of a manifest is named after.
pub(super) fn digest_of_manifest(file: &str) -> Option<Digest> {
    let name = file.strip_suffix(MANIFEST_SUFFIX)?;
    let digest = match name.split_once('-') {
        Some((algorithm, hex)) => format!("{algorithm}:{hex}"),
        None => format!("sha256:{name}"),
    };
    digest.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_found_by_the_names_of_their_files() {
        let sha512 = format!("sha512:{}", "a".repeat(128)).parse().unwrap();
        for digest in [Digest::of(b""), sha512] {
            let file = manifest_file(&digest);
            assert_eq!(digest_of_manifest(&file), Some(digest));
        }
        assert_eq!(digest_of_manifest(MANIFEST), None);
    }
}
