//! Reads `[source]` and `[destination]`.
//!
//! Decides that a side is one store, and which keys go with which store. Invariant: a side with a mistake is never
//! taken for one without.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
    path::PathBuf,
};

use super::{
    endpoint::{Endpoint, EndpointState},
    fields::Fields,
    mistake::Mistake,
    prune,
    reader::Reader,
    registries::Settings,
    required_signature,
    spanned::Spanned,
    store_paths,
    table_kind::TableKind,
    values,
};
use crate::oci::{LocalStore, Registry, Store, Transport};

/// The settings of each registry, and where it is written.
pub(super) type RegistryTables = BTreeMap<Registry, (Settings, Range<usize>)>;

pub(super) fn read(
    fields: &mut Fields,
    key: &'static str,
    registries: &mut RegistryTables,
) -> EndpointState {
    let shape = match key {
        "source" => TableKind::Source,
        _ => TableKind::Destination,
    };
    let missing = !fields.has(key);
    let Some(mut table) = fields.table(key, shape) else {
        return if missing {
            EndpointState::Missing
        } else {
            EndpointState::Wrong
        };
    };
    let reader = fields.reader;
    let reported = reader.reported();
    let written = written_keys(&table, std::iter::once("registry").chain(local_keys()));
    let for_registries = written_keys(&table, TableKind::Registry.keys().into_iter());
    let store = store(&mut table, &written);
    let prefix = table.read("prefix", values::repository);
    let engine = table.read("engine", values::engine);
    let require_signature = match shape {
        TableKind::Source => required_signature::read(&mut table),
        _ => None,
    };
    let is_side = reader.reported() == reported;
    let (base, prune) = match shape {
        TableKind::Destination => {
            let prune = prune::read(&mut table, store.as_ref());
            (base(&mut table, store.as_ref()), prune)
        }
        _ => (Vec::new(), None),
    };
    let settings = match shape {
        TableKind::Source => Settings::read(&mut table),
        _ => Settings::read_destination(&mut table),
    };
    table.finish();
    let Some(store) = store else {
        return EndpointState::Wrong;
    };
    match &store.value {
        Store::Registry(registry) => {
            let registry = Spanned {
                value: registry.clone(),
                at: store.at,
                key: store.key,
            };
            add_registry(reader, registries, &registry, settings);
        }
        Store::Local(local) => {
            for (key, at) in for_registries {
                let message = format!("`{key}` is a setting of a registry");
                reader.report(
                    Mistake::new(message, at)
                        .and(store.key.clone(), "this side is a local store")
                        .help(format!(
                            "remove it; {} has no such setting",
                            local.transport.name()
                        )),
                );
            }
        }
    }
    if !is_side {
        return EndpointState::Wrong;
    }
    EndpointState::Known(Endpoint {
        store: store.value,
        prefix: prefix.map(|prefix| prefix.value),
        base,
        engine: engine.map(|engine| engine.value),
        prune,
        require_signature,
    })
}

fn local_keys() -> impl Iterator<Item = &'static str> {
    Transport::ALL.into_iter().map(Transport::name)
}

/// Those of `keys` that are written, and where.
fn written_keys(
    table: &Fields,
    keys: impl Iterator<Item = &'static str>,
) -> Vec<(&'static str, Range<usize>)> {
    let mut written: Vec<_> = keys
        .filter(|key| table.shape.knows(key))
        .filter_map(|key| Some((key, table.key_at(key)?)))
        .collect();
    written.sort_by_key(|(_, at)| at.start);
    written
}

/// The only store of a side. `written` are the keys that name one.
fn store(table: &mut Fields, written: &[(&'static str, Range<usize>)]) -> Option<Spanned<Store>> {
    let reader = table.reader;
    let registry = table.read("registry", values::registry);
    let mut stores: Vec<Spanned<Store>> = Vec::new();
    stores.extend(registry.map(|registry| registry.map(Store::Registry)));
    for transport in Transport::ALL {
        let local = match transport.has_path() {
            true => table.read(transport.name(), |path| {
                store_paths::store(&reader.directories.working, transport, path)
            }),
            false => daemon(table, transport),
        };
        stores.extend(local.map(|store| store.map(Store::Local)));
    }
    match written {
        [] => {
            let place = table.shape.place();
            let locals: Vec<&str> = local_keys().collect();
            let example = table.shape.example("registry");
            let mistake = Mistake::new(
                format!("{place} has neither a registry nor a local store"),
                table.at.clone(),
            );
            reader.report(mistake.help(format!("{example}, or one of {}", locals.join(", "))));
            None
        }
        [_] => stores.pop(),
        [(_, first), others @ ..] => {
            for (_, other) in others {
                let message = format!("{} has several stores", table.shape.place());
                let mistake = Mistake::new(message, other.clone());
                let mistake = mistake.and(first.clone(), "the first one");
                reader.report(mistake.help("keep one of them"));
            }
            None
        }
    }
}

fn daemon(table: &mut Fields, transport: Transport) -> Option<Spanned<LocalStore>> {
    let written = table.flag_or_text(transport.name())?;
    let (at, key) = (written.at, written.key);
    let value = match written.value {
        Ok(address) => {
            let address = table.reader.read(&address, values::daemon)?;
            LocalStore::new(transport, &address.value)
        }
        Err(true) => LocalStore::new(transport, ""),
        Err(false) => {
            let message = format!("`{}` is true or an address", transport.name());
            let mistake = Mistake::new(message, at);
            table
                .reader
                .report(mistake.help("remove it, or write true"));
            return None;
        }
    };
    Some(Spanned { value, at, key })
}

/// The archives beside `oci-archive`.
fn base(table: &mut Fields, store: Option<&Spanned<Store>>) -> Vec<PathBuf> {
    let at = table.key_at("base");
    let paths = table.read_all("base", |reader, text| {
        reader.read(text, |path| {
            store_paths::absolute(&reader.directories.working, path)
        })
    });
    let is_archive = |store: &LocalStore| store.transport == Transport::OciArchive;
    if let Some((at, store)) = at.zip(store)
        && !store.value.local().is_some_and(is_archive)
    {
        table.reader.report(
            Mistake::new("`base` is for an OCI archive", at)
                .and(store.key.clone(), "this destination is none")
                .help("remove it, or write oci-archive = \"FILE\""),
        );
    }
    let paths = paths.into_iter().flat_map(|paths| paths.value);
    paths.map(|path| path.value.into()).collect()
}

/// If both sides are one registry, the settings of one side are for both.
fn add_registry(
    reader: &Reader,
    registries: &mut RegistryTables,
    registry: &Spanned<Registry>,
    settings: Settings,
) {
    match registries.entry(registry.value.clone()) {
        Entry::Vacant(entry) => {
            entry.insert((settings, registry.at.clone()));
        }
        Entry::Occupied(mut entry) => {
            let (first, there) = entry.get_mut();
            if *first == Settings::default() {
                *first = settings;
            } else if settings != Settings::default() && settings != *first {
                reader.report(
                    Mistake::new(
                        "source and destination are one registry with different settings",
                        registry.at.clone(),
                    )
                    .and(there.clone(), "the same registry")
                    .help("write its settings in one of the two; they are for both"),
                );
            }
        }
    }
}
