//! Compares an image's source and destination references, and plans what is missing.
//!
//! Decides whether an image is up to date, is kept, or has to be copied. Asks the destination first: an image that is
//! up to date costs one HEAD a side, and a new one no HEAD at the source. Attachments are compared only when the image
//! is copied, unless the operator asks for it: they were written before the tag. Invariant: a tag that names another
//! image is replaced only where the list allows it. Registries have no conditional write, so a push between the lookup
//! and the write is replaced all the same.

use std::{borrow::Cow, ops::ControlFlow};

use super::{
    CopyError,
    copy_plan::{CopyPlan, Root, RootOrigin, RootTag},
    error::blame,
    image_context::ImageContext,
    manifest_reader::ManifestReader,
    planner::make_plan,
    platform_selection::{Selection, select},
    signature_check::check_signature,
};
use crate::{
    batch::Side,
    oci::{Digest, Manifest, OnExisting, Platform, Reference, Version},
    transport::{Holds, Selector, Uncompressed},
};

/// Less is compressed within a second or two.
const NOTED_BYTES: u64 = 64 << 20;

pub(super) enum Lookup {
    UpToDate(Digest),
    /// The destination tag names this other image, which the list says to keep.
    Kept(Digest),
    Missing {
        /// What the source reference names.
        source: Digest,
        plan: Box<CopyPlan>,
    },
}

/// What the destination reference names now, compared with the wanted digest.
enum DestinationTag {
    Wanted,
    /// Nothing, or the registry does not say.
    Free,
    /// This other image, which is replaced.
    Replaced(Digest),
    /// This other image, which is kept.
    Kept(Digest),
}

pub(super) async fn look_up(image: &ImageContext<'_>) -> Result<Lookup, CopyError> {
    let existing = existing_digest(image).await?;
    note_compression(image).await?;
    let cached = image.plan_cache.take(
        image.job_id(),
        &image.destination.state.manifests,
        &image.destination.scope,
    );
    // Otherwise the source's manifest has to be read.
    let digests_suffice =
        existing.is_some() && image.platforms().is_empty() && !image.rechecks_attachments();
    let source = match digests_suffice || cached.is_some() {
        true => source_digest(image).await?,
        false => None,
    };
    if let (true, Some(root)) = (digests_suffice, &source) {
        match compare(image, existing.as_ref(), root)? {
            DestinationTag::Wanted => {
                check_signature(image, root).await?;
                return Ok(Lookup::UpToDate(root.clone()));
            }
            DestinationTag::Kept(digest) => return Ok(Lookup::Kept(digest)),
            DestinationTag::Free | DestinationTag::Replaced(_) => {}
        }
    }
    if let Some((planned, plan)) = cached
        && source.as_ref() == Some(&planned)
    {
        let tag = match root_tag(image, existing.as_ref(), &plan.image.root.digest)? {
            ControlFlow::Continue(tag) => tag,
            ControlFlow::Break(lookup) => return Ok(lookup),
        };
        // Otherwise the tag was written since, and the report of the plan is wrong.
        if tag == plan.tag {
            return Ok(Lookup::Missing {
                source: planned,
                plan,
            });
        }
    }
    read_and_plan(image, existing.as_ref()).await
}

/// Whether the tag of a staged image is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StagedTag {
    Written,
    Unwritten,
}

/// Applies the list's rule for existing tags to an image that is staged. A tag that is kept is an error: the other images
/// of the group are there, and this one is not.
pub(super) async fn check_tag(
    image: &ImageContext<'_>,
    root: &Digest,
) -> Result<StagedTag, CopyError> {
    let existing = existing_digest(image).await?;
    match compare(image, existing.as_ref(), root)? {
        DestinationTag::Wanted => Ok(StagedTag::Written),
        DestinationTag::Free | DestinationTag::Replaced(_) => Ok(StagedTag::Unwritten),
        DestinationTag::Kept(there) => Err(CopyError::Existing {
            there,
            version: image.destination_location().version(),
            on_existing: OnExisting::Keep,
        }),
    }
}

/// What the destination reference names.
async fn existing_digest(image: &ImageContext<'_>) -> Result<Option<Digest>, CopyError> {
    match image.destination.image.resolve(Selector::Image).await {
        Ok(existing) => Ok(existing),
        // Some registries answer 403 for what does not exist (quirk 25, see registry/quirks.md); the write shows whether
        // the credentials are right. An image that must not be replaced has to be known first.
        Err(error) if error.status() == Some(403) => match image.on_existing() {
            OnExisting::Replace => Ok(None),
            _ if image.destination_location().is_by_digest() => Ok(None),
            on_existing @ (OnExisting::Keep | OnExisting::Fail) => Err(CopyError::Hidden {
                version: image.destination_location().version(),
                on_existing,
                error,
            }),
        },
        Err(error) => Err(blame(Side::Destination)(error)),
    }
}

/// Compressing large layers takes a while before anything else is to be seen.
async fn note_compression(image: &ImageContext<'_>) -> Result<(), CopyError> {
    let uncompressed = image.source.image.uncompressed().await;
    let Uncompressed { layers, bytes } = uncompressed.map_err(blame(Side::Source))?;
    if bytes >= NOTED_BYTES {
        let size = bytes >> 20;
        image.note(format!(
            "layers are compressed before the copy: {layers} of {size} MiB together"
        ));
    }
    Ok(())
}

/// What the source reference names.
async fn source_digest(image: &ImageContext<'_>) -> Result<Option<Digest>, CopyError> {
    let reference = image.source_location().reference();
    if let Some(Version::Digest(digest)) = reference.map(Reference::version)
        && image.job.spec.format.is_none()
    {
        return Ok(Some(digest));
    }
    let named = image.source.image.resolve(Selector::Image);
    named.await.map_err(blame(Side::Source))
}

fn compare(
    image: &ImageContext<'_>,
    existing: Option<&Digest>,
    wanted: &Digest,
) -> Result<DestinationTag, CopyError> {
    let Some(existing) = existing else {
        return Ok(DestinationTag::Free);
    };
    if existing == wanted {
        return Ok(DestinationTag::Wanted);
    }
    // A digest names one content, whatever the registry says: nothing is replaced.
    if image.destination_location().is_by_digest() {
        return Ok(DestinationTag::Free);
    }
    match image.on_existing() {
        OnExisting::Replace => Ok(DestinationTag::Replaced(existing.clone())),
        OnExisting::Keep => Ok(DestinationTag::Kept(existing.clone())),
        on_existing @ OnExisting::Fail => Err(CopyError::Existing {
            there: existing.clone(),
            version: image.destination_location().version(),
            on_existing,
        }),
    }
}

/// The state of the destination tag for a plan, or the lookup's result if nothing is to be copied.
fn root_tag(
    image: &ImageContext<'_>,
    existing: Option<&Digest>,
    wanted: &Digest,
) -> Result<ControlFlow<Lookup, RootTag>, CopyError> {
    Ok(match compare(image, existing, wanted)? {
        DestinationTag::Wanted if !image.rechecks_attachments() => {
            ControlFlow::Break(Lookup::UpToDate(wanted.clone()))
        }
        DestinationTag::Wanted => ControlFlow::Continue(RootTag::Present),
        DestinationTag::Kept(digest) => ControlFlow::Break(Lookup::Kept(digest)),
        DestinationTag::Free => ControlFlow::Continue(RootTag::Free),
        DestinationTag::Replaced(digest) => ControlFlow::Continue(RootTag::Replaces(digest)),
    })
}

/// Reads the source's manifest, selects the platforms, and plans the copy.
async fn read_and_plan(
    image: &ImageContext<'_>,
    existing: Option<&Digest>,
) -> Result<Lookup, CopyError> {
    let reader = ManifestReader {
        source: &*image.source.image,
        budget: &image.budget,
    };
    let read = async |selector: Selector<'_>| {
        let manifest = reader.manifest(selector).await;
        manifest.map_err(blame(Side::Source))
    };
    let manifest = read(Selector::Image).await?;
    let digest = manifest.digest.clone();
    if let (Some(original), Some(format)) = (reader.source.original(&digest), image.job.spec.format)
    {
        image.note(format!(
            "the image is converted to {format}, so its digest changes from {original} to {digest}, and what refers to it is not copied"
        ));
    }
    let platforms = wanted_platforms(image, &manifest);
    let selection = select(reader.source.store(), &manifest, &platforms)?;
    if let Selection::Whole | Selection::Index(_) = &selection
        && manifest.media_type.is_index()
        && image.destination.image.holds() == Holds::OnePlatform
    {
        return Err(CopyError::Unsupported(format!(
            "cannot hold {digest}, which is an index: a {} holds one platform of an image",
            image.destination.image.store()
        )));
    }
    let wanted = match &selection {
        Selection::Whole => &digest,
        Selection::Child(child) => child,
        Selection::Index(index) => &index.digest,
    };
    let tag = match root_tag(image, existing, wanted)? {
        ControlFlow::Continue(tag) => tag,
        ControlFlow::Break(Lookup::Kept(there)) => return Ok(Lookup::Kept(there)),
        ControlFlow::Break(lookup) => {
            check_signature(image, &digest).await?;
            return Ok(lookup);
        }
    };
    check_signature(image, &digest).await?;
    let (manifest, origin) = match selection {
        Selection::Whole => (manifest, RootOrigin::Source),
        Selection::Child(child) => {
            image.note(format!(
                "only one platform is selected, so the destination names its image, {child}, and not the index {digest}"
            ));
            (read(Selector::Digest(&child)).await?, RootOrigin::Source)
        }
        Selection::Index(index) => {
            image.note(format!(
                "the index keeps only the selected platforms, so its digest changes from {digest} to {}, and what refers to it is not copied",
                index.digest
            ));
            (*index, RootOrigin::MadeHere)
        }
    };
    let root = Root {
        manifest,
        origin,
        tag,
    };
    let plan = Box::new(make_plan(image, root).await?);
    Ok(Lookup::Missing {
        source: digest,
        plan,
    })
}

/// The selected platforms. A destination that holds one platform gets that of this machine, unless the operator selects
/// another.
fn wanted_platforms<'a>(image: &'a ImageContext<'_>, manifest: &Manifest) -> Cow<'a, [Platform]> {
    let is_open = image.platforms().is_empty() && manifest.media_type.is_index();
    match image.destination.image.holds() {
        Holds::OnePlatform if is_open => Cow::Owned(vec![Platform::of_this_machine()]),
        Holds::OnePlatform | Holds::All => Cow::Borrowed(image.platforms()),
    }
}
