//! Plans the copy of one image, and reports the plan.
//!
//! Decides what is left out because it is known to be at the destination. Writes nothing.

use std::sync::{Arc, atomic::AtomicBool};

use super::{
    CopyError, Report,
    attachment_search::AttachmentSearch,
    copy_plan::{CopyPlan, Root, RootOrigin, RootTag},
    graph::Graph,
    image_context::ImageContext,
    manifest_reader::ManifestReader,
    plan_summary::summarize,
    referrer_cache::CopiedAttachments,
};
use crate::{oci::Digest, transport::Holds};

pub(super) async fn make_plan(image: &ImageContext<'_>, root: Root) -> Result<CopyPlan, CopyError> {
    let plan = read_plan(image, root).await?;
    for layer in plan.foreign_layers() {
        image.note(format!(
            "layer {} is not stored in registries; it stays at {}",
            layer.digest,
            layer.urls.join(", ")
        ));
    }
    (image.report)(Report::Planned {
        root: plan.image.root.digest.clone(),
        manifests: summarize(&plan),
        blobs: Arc::clone(&plan.blobs),
        replaces: plan.replaces().cloned(),
    });
    Ok(plan)
}

/// Plans again after a registry refused a manifest because of what it does not have: what was known of the destination
/// is forgotten.
pub(super) async fn remake_plan(
    image: &ImageContext<'_>,
    plan: CopyPlan,
) -> Result<CopyPlan, CopyError> {
    let (destination, scope) = (&image.destination.state, &image.destination.scope);
    for blob in plan.blobs.iter() {
        destination.claims.forget(&blob.digest, scope);
    }
    destination.manifests.forget(scope);
    image.destination.image.mark_used();
    image.budget.reset();
    make_plan(image, plan.into_root()).await
}

async fn read_plan(image: &ImageContext<'_>, root: Root) -> Result<CopyPlan, CopyError> {
    let Root {
        manifest,
        origin,
        tag,
    } = root;
    let (source, destination) = (image.source, image.destination);
    let is_same_store = source.image.store() == destination.image.store();
    let keeps_content = destination.image.holds() == Holds::All;
    if is_same_store && keeps_content && source.scope == destination.scope {
        // A new name where the content is: only the manifest is written.
        return Ok(without_attachments(Graph::of(manifest), origin, tag));
    }
    let is_complete = |digest: &Digest| {
        let manifests = &destination.state.manifests;
        manifests.contains(&destination.scope, digest)
    };
    let from = ManifestReader {
        source: &*source.image,
        budget: &image.budget,
    };
    let graph = if tag == RootTag::Present {
        Graph::read_index(from, manifest).await?
    } else if is_complete(&manifest.digest) {
        // An image with another tag of this repository was the same.
        Graph::of(manifest)
    } else {
        Graph::read(from, manifest, &is_complete).await?
    };
    if !image.attachments().any() || destination.image.holds() == Holds::OnePlatform {
        return Ok(without_attachments(graph, origin, tag));
    }
    let skipped = match origin {
        RootOrigin::Source => 0,
        RootOrigin::MadeHere => 1,
    };
    let manifests = graph.manifests().skip(skipped);
    let manifests = manifests.map(|manifest| &manifest.digest);
    let manifests: Vec<Digest> = manifests.chain(&graph.complete_children).cloned().collect();
    let known = manifests.iter().cloned().collect();
    let copies = manifests.into_iter().map(|subject| CopiedAttachments {
        source: source.image.store().clone(),
        source_scope: source.scope.clone(),
        destination_scope: destination.scope.clone(),
        subject,
    });
    let copies: Vec<_> = copies
        .filter(|copy| !destination.state.referrers.is_copied(copy))
        .collect();
    let subjects = copies.iter().map(|copy| copy.subject.clone()).collect();
    let search = AttachmentSearch {
        attachments: image.attachments(),
        image: from,
        source,
        destination,
        report: image.report,
        has_noted_refusal: AtomicBool::default(),
    };
    let attachments = search.run(subjects, known).await?;
    Ok(CopyPlan::new(graph, origin, tag, attachments, copies))
}

fn without_attachments(graph: Graph, origin: RootOrigin, tag: RootTag) -> CopyPlan {
    CopyPlan::new(graph, origin, tag, Vec::new(), Vec::new())
}
