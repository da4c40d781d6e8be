//! Long lists.
use std::path::Path;
pub fn run(_room: &Path) -> anyhow::Result<()> {
    Ok(())
}
