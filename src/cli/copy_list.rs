//! The list that a `transship copy` is: its images, and the settings of their registries.
//!
//! Decides what the arguments of a copy mean in a list. Invariant: the list says everything about the copy, with absolute
//! paths, so that the batch is resumed and verified as any other.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::{
    exit::Exit,
    list_source::{ListSource, TrustArguments},
    side_arguments::SideArguments,
};
use crate::{
    list::{CopyKeys, Directories, ImageEntry, ImageTable, ListFile, SettingsKeys},
    oci::{
        LocalImage, LocalStore, Location, Platform, Reference, Registry, StoredName, Tag, Transport,
    },
};

/// What is copied, and how.
pub(super) struct CopyRequest {
    pub(super) source: Location,
    pub(super) destination: Location,
    /// Further names at the destination.
    pub(super) tags: Vec<Tag>,
    pub(super) platforms: Vec<Platform>,
    pub(super) keys: CopyKeys,
    pub(super) sides: SideArguments,
    /// A list whose registry settings apply.
    pub(super) like: Option<PathBuf>,
}

/// The list of the request, or the exit code after the mistakes of the list it builds on were printed.
pub(super) fn write(
    request: CopyRequest,
    trust: TrustArguments,
) -> anyhow::Result<Result<ListSource, Exit>> {
    let (mut list, directories) = match &request.like {
        None => {
            let working = std::env::current_dir();
            let working = working.context("cannot find the working directory")?;
            let list = working.clone();
            (ListFile::default(), Directories { list, working })
        }
        Some(file) => {
            let source = ListSource::read(file)?;
            if let Err(exit) = source.parse(trust) {
                return Ok(Err(exit));
            }
            let list = toml::from_str(&source.text).context("cannot read the list again")?;
            (list, source.directories)
        }
    };
    let source = absolute(request.source)?;
    let destination = absolute(request.destination)?;
    check(&source, &destination, &request.platforms)?;
    add_settings(
        &mut list,
        [
            (&source, request.sides.source),
            (&destination, request.sides.destination),
        ],
    )?;
    list.version = 1;
    list.defaults = None;
    list.rewrite.clear();
    let others = request.tags.iter().map(|tag| with_tag(&destination, tag));
    let others: Vec<Location> = others.collect::<anyhow::Result<_>>()?;
    let mut destinations = vec![destination];
    for other in others {
        if !destinations.contains(&other) {
            destinations.push(other);
        }
    }
    list.images = (destinations.iter())
        .map(|destination| image(&source, destination, &request.platforms, &request.keys))
        .collect();
    Ok(Ok(ListSource {
        path: source.to_string().into(),
        text: toml::to_string(&list).context("cannot write the list")?,
        directories,
    }))
}

/// The location with an absolute path, which means the same in every working directory.
fn absolute(location: Location) -> anyhow::Result<Location> {
    let Location::Local(LocalImage { store, name }) = &location else {
        return Ok(location);
    };
    let Some(path) = store.path() else {
        return Ok(location);
    };
    let unusable = || format!("the path of {location} cannot be made absolute");
    let path = std::path::absolute(path).with_context(unusable)?;
    let path = path.to_str().with_context(unusable)?;
    let absolute = Location::Local(LocalImage {
        store: LocalStore::new(store.transport, path),
        name: name.clone(),
    });
    // The working directory may have a name that no location can have.
    if absolute.to_string().parse().as_ref() != Ok(&absolute) {
        bail!(
            "{location} is {absolute}, whose path has a colon; copy from or to another directory"
        );
    }
    Ok(absolute)
}

/// Refuses what no copy can do.
fn check(source: &Location, destination: &Location, platforms: &[Platform]) -> anyhow::Result<()> {
    if source == destination {
        bail!("source and destination are the same: {source}");
    }
    let Some(digest) = destination
        .reference()
        .and_then(|reference| reference.digest.as_ref())
    else {
        return Ok(());
    };
    let from = source
        .reference()
        .and_then(|reference| reference.digest.as_ref());
    if from != Some(digest) {
        bail!(
            "the destination has the digest {digest}, so the source must have it too; or give the destination a tag"
        );
    }
    if !platforms.is_empty() {
        bail!(
            "an image whose destination is a digest cannot lose platforms: the digest would change"
        );
    }
    Ok(())
}

/// The same destination under another tag.
fn with_tag(destination: &Location, tag: &Tag) -> anyhow::Result<Location> {
    match destination {
        Location::Registry(reference) => Ok(Location::Registry(Reference {
            tag: Some(tag.clone()),
            digest: None,
            ..reference.clone()
        })),
        Location::Local(image) if image.store.transport == Transport::Dir => {
            bail!("{image} holds one image without a name, so --tag {tag} has no place there")
        }
        Location::Local(LocalImage { store, name }) => Ok(Location::Local(LocalImage {
            store: store.clone(),
            name: Some(match name {
                Some(name) => name.sibling(tag),
                None => StoredName::Name(tag.to_string()),
            }),
        })),
    }
}

fn image(
    source: &Location,
    destination: &Location,
    platforms: &[Platform],
    keys: &CopyKeys,
) -> ImageEntry {
    let by_digest = destination
        .reference()
        .filter(|reference| reference.digest.is_some());
    let (name, to) = match (source, by_digest) {
        // In a list, a repository as the destination of a digest is that digest there.
        (Location::Registry(source), Some(destination)) => {
            let name = Reference {
                tag: None,
                ..source.clone()
            };
            let to = format!("{}/{}", destination.registry, destination.repository);
            (name.to_string(), to)
        }
        _ => (source.to_string(), destination.to_string()),
    };
    let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    ImageEntry::Table(Box::new(ImageTable {
        name: Some(name),
        to: Some(to),
        platforms: Some(platforms).filter(|platforms| !platforms.is_empty()),
        copy: keys.clone(),
        ..ImageTable::default()
    }))
}

/// Adds the settings of both sides to those that the list has.
fn add_settings(list: &mut ListFile, sides: [(&Location, SettingsKeys); 2]) -> anyhow::Result<()> {
    let [(source, of_source), (destination, of_destination)] = &sides;
    let unset = SettingsKeys::default();
    if let Some(registry) = source
        .registry()
        .filter(|_| source.registry() == destination.registry())
        && *of_source != unset
        && *of_destination != unset
        && of_source != of_destination
    {
        bail!("source and destination are one registry, {registry}, which has one set of options");
    }
    for ((location, keys), side) in sides.into_iter().zip(["source", "destination"]) {
        match location.registry() {
            _ if keys == unset => {}
            Some(registry) => replace(settings(list, registry), keys),
            None => {
                bail!("the --{side}-… options are for registries, and the {side} is {location}")
            }
        }
    }
    Ok(())
}

/// Where the list has the settings of a registry.
fn settings<'a>(list: &'a mut ListFile, registry: &Registry) -> &'a mut SettingsKeys {
    let is_it = |text: &str| text.parse().as_ref() == Ok(registry);
    let is_side = |text: &Option<String>| text.as_deref().is_some_and(is_it);
    match (&mut list.source, &mut list.destination) {
        (Some(source), _) if is_side(&source.registry) => &mut source.settings,
        (_, Some(destination)) if is_side(&destination.registry) => &mut destination.settings,
        _ => {
            let name = list.registries.keys().find(|name| is_it(name)).cloned();
            let name = name.unwrap_or_else(|| registry.to_string());
            &mut list.registries.entry(name).or_default().settings
        }
    }
}

/// Overwrites settings with the keys that are given. One way to log in replaces every other.
fn replace(settings: &mut SettingsKeys, given: SettingsKeys) {
    let logs_in =
        given.username.is_some() || given.token_env.is_some() || given.anonymous.is_some();
    if logs_in {
        settings.username = None;
        settings.password_env = None;
        settings.password_file = None;
        settings.password_command = None;
        settings.token_env = None;
        settings.anonymous = None;
    }
    let SettingsKeys {
        plain_http,
        verify,
        ca_file,
        ca_directory,
        client_certificate,
        client_key,
        proxy,
        allow_private_redirects,
        streams,
        requests_per_second,
        bytes_per_second,
        username,
        password_env,
        password_file,
        password_command,
        token_env,
        anonymous,
    } = given;
    set(&mut settings.plain_http, plain_http);
    set(&mut settings.verify, verify);
    set(&mut settings.ca_file, ca_file);
    set(&mut settings.ca_directory, ca_directory);
    set(&mut settings.client_certificate, client_certificate);
    set(&mut settings.client_key, client_key);
    set(&mut settings.proxy, proxy);
    set(
        &mut settings.allow_private_redirects,
        allow_private_redirects,
    );
    set(&mut settings.streams, streams);
    set(&mut settings.requests_per_second, requests_per_second);
    set(&mut settings.bytes_per_second, bytes_per_second);
    set(&mut settings.username, username);
    set(&mut settings.password_env, password_env);
    set(&mut settings.password_file, password_file);
    set(&mut settings.password_command, password_command);
    set(&mut settings.token_env, token_env);
    set(&mut settings.anonymous, anonymous);
}

fn set<T>(setting: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *setting = given;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        list::List,
        oci::{CopyEngine, CopySpec, ManifestFormat},
    };

    fn request(source: &str, destination: &str) -> CopyRequest {
        CopyRequest {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            tags: Vec::new(),
            platforms: Vec::new(),
            keys: CopyKeys::default(),
            sides: SideArguments::default(),
            like: None,
        }
    }

    fn list(request: CopyRequest) -> List {
        let Ok(source) = write(request, TrustArguments::default()).unwrap() else {
            panic!("it builds on no list");
        };
        let list = source.parse(TrustArguments::default());
        list.unwrap_or_else(|_| panic!("{}", source.text))
    }

    fn jobs(request: CopyRequest) -> Vec<CopySpec> {
        let images = list(request).expand(&Default::default()).unwrap().images;
        images.into_iter().map(|image| image.spec).collect()
    }

    fn error(request: CopyRequest) -> String {
        let written = write(request, TrustArguments::default());
        written.map(drop).unwrap_err().to_string()
    }

    #[test]
    fn every_tag_is_a_job_with_the_same_source_and_options() {
        let mut wanted = request("docker://a.example/team/api:1.2", "b.example/api:1.2");
        wanted.tags = vec!["1".parse().unwrap(), "1.2".parse().unwrap()];
        wanted.platforms = vec!["linux/arm64".parse().unwrap()];
        wanted.keys.format = Some("oci".into());
        wanted.keys.referrers = Some(false);
        wanted.keys.engine = Some("skopeo".into());
        let jobs = jobs(wanted);
        let destinations: Vec<String> =
            jobs.iter().map(|job| job.destination.to_string()).collect();
        assert_eq!(destinations, ["b.example/api:1.2", "b.example/api:1"]);
        for job in &jobs {
            assert_eq!(job.source.to_string(), "a.example/team/api:1.2");
            assert_eq!(job.platforms.len(), 1);
            assert_eq!(job.format, Some(ManifestFormat::Oci));
            assert!(!job.attachments.referrers && job.attachments.cosign_tags);
            assert_eq!(job.engine, CopyEngine::Skopeo);
        }
    }

    #[test]
    fn a_name_without_a_registry_is_docker_hubs_and_one_without_a_tag_is_latest() {
        let [job] = &jobs(request("nginx", "b.example/nginx"))[..] else {
            panic!("one job");
        };
        assert_eq!(job.source.to_string(), "docker.io/library/nginx:latest");
        assert_eq!(job.destination.to_string(), "b.example/nginx:latest");
    }

    #[test]
    fn a_destination_digest_is_that_of_the_source() {
        let digest = crate::oci::Digest::of(b"image");
        let (from, to) = (
            format!("a.example/x:1@{digest}"),
            format!("b.example/y@{digest}"),
        );
        let [job] = &jobs(request(&from, &to))[..] else {
            panic!("one job");
        };
        assert_eq!(job.destination.to_string(), to);
        assert!(error(request("a.example/x:1", &to)).contains("the source must have it too"));
        assert!(error(request(&to, &to)).contains("the same"));
        let mut fewer = request(&from, &to);
        fewer.platforms = vec!["linux/amd64".parse().unwrap()];
        assert!(error(fewer).contains("cannot lose platforms"));
    }

    #[test]
    fn settings_of_the_command_line_replace_those_of_the_list() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("prod.toml");
        let text = "version = 1\nimages = [\"x\"]\n[source]\nregistry = \"a.example\"\n\
                    token-env = \"TOKEN\"\nstreams = 3\n[destination]\nregistry = \"b.example\"\n\
                    ca-file = \"ca.pem\"\nprefix = \"mirror\"\n[[rewrite]]\nfrom = \"x\"\nto = \"y\"\n";
        std::fs::write(&file, text).unwrap();
        let mut wanted = request("a.example/x:1", "b.example/x:1");
        wanted.sides.source.username = Some("robot".into());
        wanted.sides.source.password_env = Some("SECRET".into());
        wanted.like = Some(file);
        let list = list(wanted);
        let [source, destination] =
            ["a.example", "b.example"].map(|host| &list.registries[&host.parse().unwrap()]);
        assert_eq!(source.limits.streams, Some(3));
        let expected = crate::list::Credentials::Password {
            username: "robot".into(),
            from: crate::list::PasswordSource::Environment("SECRET".into()),
        };
        assert_eq!(source.credentials, expected);
        assert_eq!(
            destination.tls.ca_file,
            Some(directory.path().join("ca.pem"))
        );
        let images = list.expand(&Default::default()).unwrap().images;
        assert_eq!(images[0].spec.destination.to_string(), "b.example/x:1");
    }

    #[test]
    fn one_registry_has_one_set_of_options_and_a_directory_has_none() {
        let mut both = request("a.example/x:1", "a.example/x:2");
        both.sides.source.anonymous = Some(true);
        assert_eq!(jobs(both).len(), 1);
        let mut both = request("a.example/x:1", "a.example/x:2");
        both.sides.source.anonymous = Some(true);
        both.sides.destination.plain_http = Some(true);
        assert!(error(both).contains("one registry, a.example"));
        let mut local = request("oci:estate:x", "a.example/x:2");
        local.sides.source.anonymous = Some(true);
        assert!(error(local).contains("are for registries"));
    }

    #[test]
    fn a_relative_path_becomes_absolute() {
        let here = std::env::current_dir().unwrap();
        for (text, path) in [
            ("oci:estate:team/api:1", "estate"),
            ("docker-archive:app.tar", "app.tar"),
        ] {
            let location = absolute(text.parse().unwrap()).unwrap();
            let store = &location.local().unwrap().store;
            assert_eq!(store.path(), Some(&*here.join(path)));
        }
        for text in ["oci:/srv/estate:x", "docker-daemon:x:1", "a.example/x:1"] {
            assert_eq!(absolute(text.parse().unwrap()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_further_tag_is_a_sibling_of_the_destination() {
        let tag = "2".parse().unwrap();
        let tagged = |text: &str| with_tag(&text.parse().unwrap(), &tag).map(|it| it.to_string());
        assert_eq!(tagged("oci:/e:team/api:1").unwrap(), "oci:/e:team/api:2");
        assert_eq!(
            tagged("oci-archive:/e.tar").unwrap(),
            "oci-archive:/e.tar:2"
        );
        assert_eq!(tagged("b.example/x:1").unwrap(), "b.example/x:2");
        assert!(tagged("dir:/e").is_err());
    }
}
