//! What a list asks for that skopeo cannot do.
//!
//! Decides what is a mistake: what skopeo would leave out without a word. Invariant: a setting of a registry is reported
//! once, whatever number of images needs it.

use std::collections::BTreeSet;

use super::{
    checked_list::List,
    images::ImageRule,
    mistake::Mistake,
    registries::{Credentials, Settings},
    values::Proxy,
};
use crate::oci::{Compression, CopyEngine, Registry, Store};

pub(super) fn check(list: &List) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut told = BTreeSet::new();
    let rules = list.images.iter();
    for rule in rules.filter(|rule| rule.engine == CopyEngine::Skopeo) {
        mistakes.extend(of_image(rule));
        let source = rule.selection.store();
        let destination = rule.target.store(list.destination.as_ref());
        let mut found = Vec::new();
        for store in [&source, &destination] {
            if let Some(Store::Registry(registry)) = store {
                found.extend(of_registry(registry, &list.settings(registry)));
            }
        }
        if let Some(Store::Registry(registry)) = &destination
            && list.settings(registry).create_command.is_some()
        {
            found.push((
                format!("`create-command` of {registry} is not run for images that skopeo copies"),
                "create their repositories first and remove the key, or leave this image to the native engine",
            ));
        }
        if let Some(endpoint) = &list.destination
            && destination.as_ref() == Some(&endpoint.store)
            && !endpoint.base.is_empty()
        {
            found.push((
                "skopeo leaves out no blobs of `base`".into(),
                "remove `base`, or leave this image to the native engine",
            ));
        }
        for (message, help) in found {
            if told.insert(message.clone()) {
                mistakes.push(Mistake::new(message, rule.at.clone()).help(help));
            }
        }
    }
    mistakes
}

fn of_image(rule: &ImageRule) -> Vec<Mistake> {
    let report = |message: &str, help: &str| Mistake::new(message, rule.at.clone()).help(help);
    let mut mistakes = Vec::new();
    if rule.platforms.len() > 1 {
        mistakes.push(report(
            "skopeo copies one platform of an image, or all",
            "write one platform, `platforms = []` for all, or engine = \"native\"",
        ));
    }
    if rule.attachments.recheck {
        mistakes.push(report(
            "skopeo copies no attachments, so none can be rechecked",
            "write recheck-attachments = false, or engine = \"native\"",
        ));
    }
    if rule.conversion.compression == Some(Compression::None) {
        mistakes.push(report(
            "skopeo always compresses the layers that it sends to a registry",
            "write another `compression`, or engine = \"native\"",
        ));
    }
    if !rule.require_signature.is_empty() {
        mistakes.push(report(
            "skopeo does not verify the signature that `require-signature` asks for",
            "write require-signature = false, or engine = \"native\"",
        ));
    }
    mistakes
}

fn of_registry(registry: &Registry, settings: &Settings) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    match settings.credentials {
        Credentials::Token(_) => found.push((
            format!("skopeo cannot use the `token-env` of {registry}: every user of this machine could read the token"),
            "write username and password-env, or leave this image to the native engine",
        )),
        Credentials::Stored | Credentials::Anonymous | Credentials::Password { .. } => {}
    }
    match settings.proxy {
        Proxy::None | Proxy::Address(_) => found.push((
            format!("skopeo does not use the `proxy` of {registry}"),
            "remove it and set HTTPS_PROXY and NO_PROXY, or leave this image to the native engine",
        )),
        Proxy::Environment => {}
    }
    found
}
