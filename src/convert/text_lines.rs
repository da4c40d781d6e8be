//! Lines of text that are neither empty nor comments.

/// Each with its number, counted from 1, without the comment at its end.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter_map(|(number, line)| {
        let line = line.trim();
        let is_comment = line.starts_with('#') || line.starts_with("//");
        let end = line.find(" #").unwrap_or(line.len());
        let line = line[..end].trim_end();
        (!is_comment && !line.is_empty()).then_some((number, line))
    })
}
