//! Reads `require-signature`: the keys of which one has to have signed an image.
//!
//! Decides where the files of the keys are: beside the list. Invariant: a table without a key is a mistake, since it
//! would let every image through.

use super::{
    fields::Fields,
    mistake::Mistake,
    spanned::{Spanned, Str},
    table_kind::TableKind,
};
use crate::oci::RequiredKeys;

/// The key of the tables that have it.
const KEY: &str = "require-signature";

/// The keys of a table, and none for `false`. `None` if it is not written, or wrong.
pub(super) fn read(table: &mut Fields) -> Option<RequiredKeys> {
    let reader = table.reader;
    match table.flag_or_table(KEY, TableKind::RequireSignature)? {
        Ok(Spanned { value: false, .. }) => Some(RequiredKeys::default()),
        Ok(Spanned {
            value: true, at, ..
        }) => {
            let mistake = Mistake::new("`require-signature` has to say whose signature", at);
            reader.report(mistake.help("write require-signature = { key = \"cosign.pub\" }"));
            None
        }
        Err(mut keys) => {
            let (at, has_key) = (keys.at.clone(), keys.has("key"));
            let files: Vec<Str> = keys.text_or_texts("key").unwrap_or_default();
            keys.finish();
            let is_empty = |file: &Str| file.value.is_empty();
            if files.is_empty() && !has_key || files.iter().any(is_empty) {
                let mistake = Mistake::new("`require-signature` has no `key`", at);
                reader.report(mistake.help("write require-signature = { key = \"cosign.pub\" }"));
                return None;
            }
            if files.is_empty() {
                let mistake = Mistake::new("no key could sign these images", at);
                reader.report(
                    mistake
                        .help("name a file with a public key, or write require-signature = false"),
                );
                return None;
            }
            let directory = &reader.directories.list;
            let paths = files.iter().map(|file| directory.join(&*file.value));
            Some(paths.collect())
        }
    }
}
