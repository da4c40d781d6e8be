//! What copies an image, in words.

use std::borrow::Cow;

use super::sanitize;
use crate::batch::JobView;

/// The program that copies an image, and where it runs, as soon as that is known.
#[must_use]
pub fn copier(view: &JobView) -> Cow<'_, str> {
    match &view.method {
        Some(method) => sanitize(method),
        None => Cow::Borrowed(view.job.spec.engine.word()),
    }
}
