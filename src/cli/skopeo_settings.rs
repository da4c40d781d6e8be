//! Turns `[skopeo]` of a list and of the configuration file into the settings of skopeo.
//!
//! Decides which of them wins: the list, then the configuration file, then the defaults with `SKOPEO_SHARED_DIR`.

use super::configuration::Configuration;
use crate::{
    list::{self, SkopeoMethod, SkopeoSettings},
    skopeo,
};

/// The settings with these of a list.
///
/// # Errors
/// If the configuration file is wrong.
pub(super) fn read(of_list: SkopeoSettings) -> anyhow::Result<skopeo::Settings> {
    let configured = Configuration::read()?.skopeo()?;
    Ok(complete(of_list.or(configured)))
}

/// What is written, and the defaults for the rest.
fn complete(written: SkopeoSettings) -> skopeo::Settings {
    let default = skopeo::Settings::of_environment();
    skopeo::Settings {
        methods: written.methods.as_ref().map_or(default.methods, |methods| {
            let kinds = methods.iter().map(|method| match method {
                SkopeoMethod::Container => skopeo::MethodKind::Container,
                SkopeoMethod::Local => skopeo::MethodKind::Local,
            });
            kinds.collect()
        }),
        container: written.container().map_or(default.container, Into::into),
        path: written.path().map_or(default.path, Into::into),
        extra_args: (written.extra_args()).map_or(default.extra_args, <[String]>::to_vec),
        image: written.image.unwrap_or(default.image),
        runtime: written.runtime.map_or(default.runtime, |runtime| {
            Some(match runtime {
                list::ContainerRuntime::Docker => skopeo::Runtime::Docker,
                list::ContainerRuntime::Podman => skopeo::Runtime::Podman,
            })
        }),
        shared: written.shared_directory.map_or(default.shared, |shared| {
            let usual = skopeo::SharedDirectory::new(shared.host);
            Some(match shared.inside {
                Some(inside) => skopeo::SharedDirectory { inside, ..usual },
                None => usual,
            })
        }),
        timeout: written.timeout.unwrap_or(default.timeout),
        private_directory: default.private_directory,
        search_path: default.search_path,
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;

    #[test]
    fn what_is_written_replaces_the_defaults() {
        let text = "[skopeo]\nmethods = [\"local\"]\nruntime = \"podman\"\ntimeout = \"5m\"\n\
                    shared-dir = \"/srv/x\"\nextra-args = [\"--insecure-policy\"]\n";
        let settings = complete(SkopeoSettings::of_configuration("config.toml", text).unwrap());
        assert_eq!(settings.methods, [skopeo::MethodKind::Local]);
        assert_eq!(settings.runtime, Some(skopeo::Runtime::Podman));
        assert_eq!(settings.timeout, Duration::from_secs(300));
        assert_eq!(settings.extra_args, ["--insecure-policy"]);
        let shared = settings.shared.unwrap();
        assert_eq!(
            (&*shared.host, &*shared.inside),
            (Path::new("/srv/x"), "/tmp/skopeo")
        );
        let usual = complete(SkopeoSettings::default());
        assert_eq!(usual, skopeo::Settings::of_environment());
    }
}
