//! Reads the `images` of a list: references and tables.
//!
//! Decides which keys an entry may have together; what they select is decided in `images`. Invariant: an entry with a
//! mistake becomes no rule, so that half an entry never selects another image.

use std::sync::Arc;

use toml::de::DeValue;

use super::{
    fields::Fields,
    filter::TagFilter,
    image_defaults::ImageDefaults,
    image_keys::{AttachmentKeys, Conversion, ImageKeys},
    images::ImageRule,
    mistake::Mistake,
    reader::Reader,
    required_signature,
    spanned::{Spanned, Str},
    table_kind::TableKind,
    values,
    written_name::{WrittenDestination, WrittenName},
};
use crate::oci::Platform;

pub(super) fn read(list: &mut Fields, defaults: &ImageDefaults) -> Vec<ImageRule> {
    let reader = list.reader;
    let Some(entries) = list.elements("images") else {
        return Vec::new();
    };
    if entries.value.is_empty() {
        let mistake = Mistake::new("this list has no images", entries.at);
        reader.report(mistake.help(TableKind::List.example("images")));
    }
    let plain = ImageKeys::default();
    let mut rules = Vec::with_capacity(entries.value.len());
    for entry in entries.value {
        let (at, key) = (entry.at, entry.key);
        match entry.value {
            DeValue::Table(table) => {
                let fields = Fields::new(reader, TableKind::Image, table, at);
                read_table(fields, defaults, &mut rules);
            }
            value => {
                let value = Spanned { value, at, key };
                let text = list.expect("images", value, "an array of references", |v| match v {
                    DeValue::String(text) => Ok(text),
                    other => Err(other),
                });
                let name = text.and_then(|text| read_name(reader, &text));
                rules.extend(name.and_then(|name| ImageRule::new(reader, defaults, &plain, name)));
            }
        }
    }
    rules
}

/// `platforms`, without duplicates.
pub(super) fn platforms(fields: &mut Fields) -> Option<Spanned<Arc<[Platform]>>> {
    let platforms = fields.read_all("platforms", |reader, text| {
        reader.read(text, values::platform)
    })?;
    Some(platforms.map(|written| {
        let mut platforms: Vec<Platform> = Vec::with_capacity(written.len());
        for platform in written {
            if !platforms.contains(&platform.value) {
                platforms.push(platform.value);
            }
        }
        platforms.into()
    }))
}

fn read_table(mut fields: Fields, defaults: &ImageDefaults, rules: &mut Vec<ImageRule>) {
    let reader = fields.reader;
    let reported = reader.reported();
    let names = names(&mut fields);
    let keys = ImageKeys {
        tags: fields.read_all("tags", |reader, text| reader.read(text, values::tag)),
        filter: Arc::new(TagFilter {
            pattern: fields
                .text("tag-pattern")
                .and_then(|text| reader.pattern(&text)),
            semver: fields.read("semver", values::range),
            latest: fields.count("latest"),
            exclude: fields.read_all("exclude", Reader::pattern),
        }),
        platforms: platforms(&mut fields),
        to: fields.read("to", |to| {
            WrittenDestination::parse(&reader.directories.working, to)
        }),
        attachments: AttachmentKeys::read(&mut fields),
        on_existing: (fields.read("on-existing", values::on_existing)).map(|written| written.value),
        conversion: Conversion::read(&mut fields),
        engine: (fields.read("engine", values::engine)).map(|written| written.value),
        group: fields.read("group", values::group),
        require_signature: required_signature::read(&mut fields),
    };
    fields.finish();
    report_contradictions(reader, &keys, &names);
    // Half a table would select other images: without its filter, for example, another tag.
    if reader.reported() > reported {
        return;
    }
    let filter = Arc::new((*keys.filter).clone().or(&defaults.filter));
    let keys = ImageKeys {
        filter: match keys.filter.is_empty() {
            true => keys.filter,
            false => filter,
        },
        ..keys
    };
    rules.extend(
        names
            .into_iter()
            .filter_map(|name| ImageRule::new(reader, defaults, &keys, name)),
    );
}

fn names(fields: &mut Fields) -> Vec<Spanned<WrittenName>> {
    let reader = fields.reader;
    let name: Option<Str> = fields.text("name");
    let names = fields.texts("names");
    match (&name, &names) {
        (Some(name), Some(names)) => reader.report(
            Mistake::new(
                "an image has `name` or `names`, not both",
                names.key.clone(),
            )
            .and(name.key.clone(), "the other one")
            .help("move the name into `names`"),
        ),
        (None, None) if !fields.had("name") && !fields.had("names") => reader.report(
            Mistake::new("this image has no name", fields.at.clone())
                .help(fields.shape.example("name")),
        ),
        (None, Some(names)) if names.value.is_empty() => reader.report(
            Mistake::new("`names` names no image", names.at.clone())
                .help(fields.shape.example("names")),
        ),
        _ => {}
    }
    name.into_iter()
        .chain(names.into_iter().flat_map(|names| names.value))
        .filter_map(|name| read_name(reader, &name))
        .collect()
}

fn read_name<'t>(reader: &Reader<'t>, name: &Str<'t>) -> Option<Spanned<WrittenName>> {
    reader.read(name, |name| {
        WrittenName::parse(&reader.directories.working, name)
    })
}

/// Reports keys of an image table that exclude each other.
fn report_contradictions(reader: &Reader, keys: &ImageKeys, names: &[Spanned<WrittenName>]) {
    if let Some(tags) = &keys.tags {
        if tags.value.is_empty() {
            reader.report(
                Mistake::new("`tags` names no tag", tags.at.clone())
                    .help("remove it for the tag latest, or write tags = [\"1.27\"]"),
            );
        }
        if let Some(key) = keys.filter.keys().next() {
            reader.report(
                Mistake::new("this image lists its tags and filters them", key.clone())
                    .and(tags.key.clone(), "the tags are listed here")
                    .help("keep either `tags` or the filter; for both, write two tables"),
            );
        }
    }
    for name in names {
        let chosen = keys.tags.as_ref().map(|tags| &tags.key);
        let chosen = chosen.or(keys.filter.keys().next());
        if let Some((key, what)) = chosen.zip(name.value.fixed_by()) {
            reader.report(
                Mistake::new(
                    format!("this name has {what}, and the table selects tags as well"),
                    name.at.clone(),
                )
                .and(key.clone(), "the tags are selected here")
                .help("remove one of the two"),
            );
        }
    }
    if let Some(to) = &keys.to {
        let report = |message: &str, help: &str| {
            reader.report(Mistake::new(message, to.at.clone()).help(help));
        };
        let tags = keys.tags.as_ref().map_or(1, |tags| tags.value.len());
        let filtered = !keys.filter.is_empty() && !keys.filter.is_single();
        if to.value.has_digest() {
            let help = "write a repository, or a repository and a tag";
            report("a destination cannot have a digest", help);
        } else if names.len() > 1 {
            let help = "write a table for each of them, or a [[rewrite]]";
            report("`to` is one repository, `names` are several", help);
        } else if names.iter().any(|name| name.value.is_pattern()) {
            let help = "remove it, and each image keeps its name; a [[rewrite]] changes names";
            report(
                "`to` is one repository, and a pattern stands for several",
                help,
            );
        } else if to.value.is_one_image() && (tags > 1 || filtered) {
            let help = "remove its tag, and each image keeps its own";
            report("`to` has one tag for several images", help);
        }
    }
}
