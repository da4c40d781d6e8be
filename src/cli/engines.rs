//! Which engine copies an image, once the images of a batch are known.
//!
//! Decides when skopeo is taken without being asked for, and what an operator is told about its images. Invariant: an
//! image that this program can copy keeps the engine of its list.

use std::collections::BTreeSet;

use super::{skopeo_access, skopeo_settings};
use crate::{
    batch::{Job, JobId},
    credentials::Places,
    list::{self, List},
    oci::{CopyEngine, Location, Registry},
    present,
    run::SkopeoEngine,
    transport::lacks_socket,
};

/// A note of the batch, or of one image.
type Note = (Option<JobId>, String);

/// The engine for the images that skopeo copies, if there are any. Images in podman's storage become some of them where no
/// socket is there. Adds notes about all this.
///
/// # Errors
/// If the configuration file is wrong.
pub(super) fn choose(
    list: &List,
    places: &Places,
    jobs: &mut [Job],
    notes: &mut Vec<Note>,
) -> anyhow::Result<Option<SkopeoEngine>> {
    take_skopeo(jobs, notes);
    let by_skopeo: Vec<&Job> = jobs
        .iter()
        .filter(|job| !job.spec.engine.is_native())
        .collect();
    if by_skopeo.is_empty() {
        return Ok(None);
    }
    notes.extend(limits(list, &by_skopeo).map(|text| (None, text)));
    let settings = skopeo_settings::read(list.skopeo.clone())?;
    let access = skopeo_access::access(list, places);
    Ok(Some(SkopeoEngine::new(settings, access)))
}

/// Lets skopeo copy what this program cannot reach.
fn take_skopeo(jobs: &mut [Job], notes: &mut Vec<Note>) {
    let mut reasons = BTreeSet::new();
    let mut of_images = Vec::new();
    // An image of a group is never skopeo's: skopeo writes the tag together with the image.
    let may_switch = |job: &&mut Job| job.spec.engine.is_native() && job.spec.group.is_none();
    for job in jobs.iter_mut().filter(may_switch) {
        let locations = [&job.spec.source, &job.spec.destination];
        let stores = locations.into_iter().filter_map(Location::local);
        let reason = stores
            .into_iter()
            .find_map(|image| lacks_socket(&image.store));
        // Skopeo copies one platform, or all, and verifies no signature of cosign.
        let is_possible = job.spec.platforms.len() <= 1 && job.spec.require_signature.is_empty();
        if let Some(reason) = reason.filter(|_| is_possible) {
            job.spec.engine = CopyEngine::Skopeo;
            of_images.push((
                Some(job.id),
                format!("{reason}, so skopeo copies this image"),
            ));
            reasons.insert(reason);
        }
    }
    let images = present::count(of_images.len(), "image");
    let reasons = reasons.into_iter();
    notes.extend(reasons.map(|reason| (None, format!("{reason}, so skopeo copies {images}"))));
    notes.extend(of_images);
}

/// What does not hold for the images that skopeo copies.
fn limits<'a>(list: &'a List, jobs: &[&'a Job]) -> impl Iterator<Item = String> + use<'a> {
    let has_attachments = |job: &&&Job| job.spec.attachments.any();
    let attached = jobs.iter().filter(has_attachments).count();
    let attachments = (attached > 0).then(|| {
        let images = present::count(attached, "image");
        format!("skopeo copies {images} without referrers and cosign's tags")
    });
    let locations = jobs
        .iter()
        .flat_map(|job| [&job.spec.source, &job.spec.destination]);
    let registries: BTreeSet<&Registry> = locations.filter_map(Location::registry).collect();
    let limited = registries.into_iter().filter(|registry| {
        let settings = list.registries.get(registry);
        settings.is_some_and(|settings| settings.limits != list::ListLimits::default())
    });
    let limited = limited.map(|registry| {
        format!("the limits of {registry} do not hold for images that skopeo copies")
    });
    attachments.into_iter().chain(limited)
}
