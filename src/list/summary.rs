//! The summary of a list that `list check` prints.

use std::fmt;

/// What a list asks for, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Images known without asking a registry.
    pub images: usize,
    pub rewrites: usize,
    /// Entries whose images depend on the tags a repository has.
    pub filters: usize,
    /// Repositories whose tag lists those filters need.
    pub repositories: usize,
    /// Patterns of repositories.
    pub patterns: usize,
    /// Files, and patterns of files, whose images are all copied.
    pub files: usize,
    /// Groups of images whose tags are written together.
    pub groups: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        f.write_str(&some(self.images, "image", "images"))?;
        if self.rewrites > 0 {
            let rewrites = some(self.rewrites, "rewrite rule", "rewrite rules");
            write!(f, ", {rewrites}")?;
        }
        if self.filters > 0 {
            let filters = some(self.filters, "filter needs", "filters need");
            let lists = some(self.repositories, "tag list", "tag lists");
            write!(f, ", {filters} {lists}")?;
        }
        if self.patterns > 0 {
            let patterns = some(
                self.patterns,
                "pattern of repositories",
                "patterns of repositories",
            );
            write!(f, ", {patterns}")?;
        }
        if self.files > 0 {
            let files = some(
                self.files,
                "entry for all images of files",
                "entries for all images of files",
            );
            write!(f, ", {files}")?;
        }
        if self.groups > 0 {
            write!(f, ", {}", some(self.groups, "group", "groups"))?;
        }
        Ok(())
    }
}
