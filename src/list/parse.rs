//! Parses a whole list.
//!
//! Decides what belongs to the list as a whole, and which mistakes only follow from others. Invariant: parsing goes on
//! to the end, whatever is wrong.

use std::{
    cell::RefCell,
    collections::{BTreeSet, btree_map::Entry},
    num::NonZeroU16,
    sync::Arc,
};

use toml::de::{DeTable, DeValue, Error as SyntaxError};

use super::{
    checked_list::{Defaults, List},
    endpoint::EndpointState,
    expand,
    fields::Fields,
    filter::TagFilter,
    image_defaults::ImageDefaults,
    image_keys::AttachmentKeys,
    image_keys::Conversion,
    image_tables,
    mistake::Mistake,
    mistakes::Mistakes,
    reader::{Directories, Reader},
    registries::Settings,
    required_signature,
    rewrite::Rewrite,
    sides::{self, RegistryTables},
    skopeo_limits,
    skopeo_settings::SkopeoSettings,
    spanned::Spanned,
    table_kind::TableKind,
    text::Text,
    values,
};
use crate::oci::{Attachments, CopyEngine, OnExisting, RequiredKeys};

/// The version of the format this program reads.
const VERSION: &str = "1";

impl List {
    /// Parses a list; `file_name` is for messages only. Fails with every mistake that can be known without a registry.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Mistakes> {
        Self::parse_in(&Directories::default(), file_name, text)
    }

    /// As [`parse`](Self::parse), with relative paths completed.
    pub fn parse_in(
        directories: &Directories,
        file_name: &str,
        text: &str,
    ) -> Result<Self, Mistakes> {
        parse(directories, file_name, text)
    }
}

fn parse(directories: &Directories, file_name: &str, text: &str) -> Result<List, Mistakes> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let table = table.into_inner();
    let syntax = syntax_mistakes(&table, &errors, text);

    let reader = Reader::new(directories, text);
    let mut fields = Fields::new(&reader, TableKind::List, table, 0..0);
    version(&mut fields, syntax.is_empty());

    let mut registries = RegistryTables::new();
    let source = sides::read(&mut fields, "source", &mut registries);
    let destination = sides::read(&mut fields, "destination", &mut registries);
    further_registries(&mut fields, &mut registries);
    let skopeo = SkopeoSettings::read(&mut fields);
    let reported = reader.reported();
    let rewrites = rewrites(&mut fields);
    let all_rewrites = (reader.reported() == reported).then_some(&*rewrites);
    let (defaults, image_defaults) = image_defaults(&mut fields, source, destination, all_rewrites);
    if syntax.is_empty() && !fields.has("images") {
        let mistake = Mistake::new("this list has no images", 0..0);
        reader.report(mistake.help(TableKind::List.example("images")));
    }
    let images = image_tables::read(&mut fields, &image_defaults);
    fields.finish();
    if syntax.is_empty() {
        missing_sides(&reader, &image_defaults);
    }

    let endpoint = |side| match side {
        EndpointState::Known(endpoint) => Some(endpoint),
        EndpointState::Wrong | EndpointState::Missing => None,
    };
    let (source, destination) = (
        endpoint(image_defaults.source),
        endpoint(image_defaults.destination),
    );
    let (mut found, hidden) = reader.finish();
    let text = Arc::new(Text::new(file_name, text, &hidden));
    let list = List {
        source,
        destination,
        registries: registries
            .into_iter()
            .map(|(registry, (settings, _))| (registry, settings))
            .collect(),
        defaults,
        skopeo,
        images,
        rewrites,
        text: Arc::clone(&text),
    };
    found.extend(expand::check(&list));
    found.extend(skopeo_limits::check(&list));

    // On a line that is not TOML, other mistakes only follow from that.
    let unreadable: BTreeSet<usize> = syntax.iter().map(|m| text.line(m.start())).collect();
    found.retain(|mistake| !unreadable.contains(&text.line(mistake.start())));
    found.extend(syntax);
    Mistakes::found(&text, found)?;
    Ok(list)
}

/// The mistakes in the TOML syntax.
fn syntax_mistakes(table: &DeTable, errors: &[SyntaxError], text: &str) -> Vec<Mistake> {
    let images = table.get_key_value("images").map(|(key, _)| key.span());
    let mut mixed = false;
    let mut mistakes = Vec::with_capacity(errors.len());
    for error in errors {
        let at = error.span().unwrap_or(0..0);
        let duplicate = error.message().starts_with("duplicate key");
        match &images {
            Some(first) if duplicate && text.get(at.clone()) == Some("images") => {
                // Every further [[images]] would repeat the mistake.
                if !std::mem::replace(&mut mixed, true) {
                    mistakes.push(
                        Mistake::new("TOML cannot mix `images = [...]` and [[images]]", at)
                            .and(first.clone(), "`images` is already written here")
                            .help(
                                "put the tables into the array, images = [\"a:1\", { name = \"b\", \
                                 tags = [\"1\", \"2\"] }], or the references into a table, [[images]] \
                                 with names = [\"a:1\"]",
                            ),
                    );
                }
            }
            _ if duplicate => mistakes.push(
                Mistake::new("this key is written twice", at)
                    .help("a table has each key once; remove or rename one of them"),
            ),
            _ => mistakes.push(
                Mistake::new(format!("this is not TOML: {}", error.message()), at).help(
                    "strings are in \"quotes\", arrays in [brackets], and every line is key = value",
                ),
            ),
        }
    }
    mistakes
}

fn version(fields: &mut Fields, whole: bool) {
    let had = fields.has("version");
    let number = fields.integer("version");
    let mistake = match number {
        Some(number) if number.value != VERSION => {
            Mistake::new("this version of the format is not supported", number.at)
        }
        None if !had && whole => Mistake::new("this list has no version", 0..0),
        _ => return,
    };
    fields
        .reader
        .report(mistake.help(fields.shape.example("version")));
}

fn further_registries(fields: &mut Fields, registries: &mut RegistryTables) {
    let reader = fields.reader;
    for (name, mut table) in fields.entries("registries", TableKind::Registry) {
        let settings = Settings::read_destination(&mut table);
        table.finish();
        let Some(registry) = reader.read(&name, values::registry) else {
            continue;
        };
        match registries.entry(registry.value) {
            Entry::Vacant(entry) => {
                entry.insert((settings, registry.at));
            }
            Entry::Occupied(entry) => reader.report(
                Mistake::new(
                    "the settings of this registry are already written",
                    registry.at,
                )
                .and(entry.get().1.clone(), "here")
                .help("write them once; [source] and [destination] take the same keys"),
            ),
        }
    }
}

fn rewrites(fields: &mut Fields) -> Vec<Rewrite> {
    let Some(entries) = fields.elements("rewrite") else {
        return Vec::new();
    };
    let mut rewrites = Vec::with_capacity(entries.value.len());
    for entry in entries.value {
        let table = fields.expect(
            "rewrite",
            entry,
            "an array of tables",
            |value| match value {
                DeValue::Table(table) => Ok(table),
                other => Err(other),
            },
        );
        rewrites.extend(table.and_then(|table| {
            let (table, at) = (table.value, table.at);
            Rewrite::read(Fields::new(fields.reader, TableKind::Rewrite, table, at))
        }));
    }
    rewrites
}

fn image_defaults<'a>(
    fields: &mut Fields,
    source: EndpointState,
    destination: EndpointState,
    rewrites: Option<&'a [Rewrite]>,
) -> (Defaults, ImageDefaults<'a>) {
    let mut image_defaults = ImageDefaults {
        source,
        destination,
        rewrites,
        filter: TagFilter::default(),
        platforms: Arc::default(),
        attachments: Attachments::ALL,
        on_existing: OnExisting::default(),
        conversion: Conversion::default(),
        engine: CopyEngine::default(),
        group: None,
        require_signature: RequiredKeys::default(),
        without_source: RefCell::default(),
        without_destination: RefCell::default(),
    };
    let Some(mut table) = fields.table("defaults", TableKind::Defaults) else {
        return (Defaults::default(), image_defaults);
    };
    let count = |number: Spanned<u16>| NonZeroU16::new(number.value);
    let defaults = Defaults {
        parallel: table.count("parallel").and_then(count),
        attempts: table.count("attempts").and_then(count),
    };
    let pattern = table.text("tag-pattern");
    image_defaults.filter.pattern = pattern.and_then(|text| table.reader.pattern(&text));
    image_defaults.filter.exclude = table.read_all("exclude", Reader::pattern);
    if let Some(platforms) = image_tables::platforms(&mut table) {
        image_defaults.platforms = platforms.value;
    }
    let attachments = AttachmentKeys::read(&mut table);
    image_defaults.attachments = attachments.or(image_defaults.attachments);
    if let Some(on_existing) = table.read("on-existing", values::on_existing) {
        image_defaults.on_existing = on_existing.value;
    }
    image_defaults.conversion = Conversion::read(&mut table);
    if let Some(engine) = table.read("engine", values::engine) {
        image_defaults.engine = engine.value;
    }
    image_defaults.group = table.read("group", values::group);
    if let Some(keys) = required_signature::read(&mut table) {
        image_defaults.require_signature = keys;
    }
    table.finish();
    (defaults, image_defaults)
}

fn missing_sides(reader: &Reader, image_defaults: &ImageDefaults) {
    let sides = [
        ("source", &image_defaults.without_source),
        ("destination", &image_defaults.without_destination),
    ];
    for (side, images) in sides {
        let images = images.borrow();
        let Some(first) = images.first() else {
            continue;
        };
        let label = match images.len() {
            1 => "this image needs it".into(),
            count => format!("this image and {} more need it", count - 1),
        };
        let help = match side {
            "source" => "write [source] with registry = \"host\", or the registry into the name",
            _ => "write [destination] with registry = \"host\", or a `to` with its registry",
        };
        reader.report(
            Mistake::new(format!("there is no [{side}]"), first.clone())
                .label(label)
                .help(help),
        );
    }
}
