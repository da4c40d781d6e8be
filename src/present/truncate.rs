//! Truncates and wraps text to a number of terminal cells.
//!
//! Counts cells, not characters. Invariant: the result is sanitized and not wider than requested.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Glyphs, sanitize, sanitize::safe};
use crate::oci::{Location, Reference};

/// The width of `text` in cells.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` without its first `cells` cells, and without a character that is only partly in them.
#[must_use]
pub fn skip(text: &str, cells: usize) -> &str {
    let mut skipped = 0;
    let start = text.char_indices().find_map(|(at, c)| {
        let begins = skipped;
        skipped += c.width().unwrap_or(0);
        (begins >= cells).then_some(at)
    });
    &text[start.unwrap_or(text.len())..]
}

/// `text` in lines of at most `cells` cells, broken between words unless that leaves half of a line empty. At least one
/// line.
#[must_use]
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(2);
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut used = 0;
    for c in text.chars() {
        let own = c.width().unwrap_or(0);
        if used + own > cells {
            let space = piece.rfind(' ').map_or(0, |space| space + 1);
            let word = match space * 2 > piece.len() && c != ' ' {
                true => piece.split_off(space),
                false => String::new(),
            };
            used = width(&word);
            piece.truncate(piece.trim_end().len());
            pieces.push(std::mem::replace(&mut piece, word));
            // The line break replaces the space.
            if c == ' ' {
                continue;
            }
        }
        used += own;
        piece.push(c);
    }
    pieces.push(piece);
    pieces
}

impl Glyphs {
    /// The beginning. Reads no more of `text` than fits.
    #[must_use]
    pub fn clip_end(&self, text: &str, cells: usize) -> String {
        let mut clipped = String::new();
        let mut used = 0;
        for c in text.chars().map(safe) {
            used += c.width().unwrap_or(0);
            if used > cells {
                shorten(&mut clipped, cells.saturating_sub(width(self.ellipsis)));
                if cells > 0 {
                    clipped.push_str(self.ellipsis);
                }
                return clipped;
            }
            clipped.push(c);
        }
        clipped
    }

    /// The beginning and the end, without the middle; the end gets the odd cell.
    #[must_use]
    pub fn clip_middle(&self, text: &str, cells: usize) -> String {
        let text = sanitize(text);
        if width(&text) <= cells {
            return text.into_owned();
        }
        let Some(room) = cells.checked_sub(width(self.ellipsis)) else {
            return String::new();
        };
        let mut head = text.to_string();
        shorten(&mut head, room / 2);
        format!(
            "{head}{}{}",
            self.ellipsis,
            tail(&text, room - width(&head))
        )
    }

    /// A reference. Registry and tag are kept as long as they fit: first the digest is shortened, then the repository
    /// loses its middle.
    #[must_use]
    pub fn clip_reference(&self, reference: &Reference, cells: usize) -> String {
        let full = reference.to_string();
        if width(&full) <= cells {
            return full;
        }
        self.fit(&format!("{}/", reference.registry), reference, cells)
    }

    /// A location. A reference keeps its registry and tag as long as they fit; another location loses its middle.
    #[must_use]
    pub fn clip_location(&self, location: &Location, cells: usize) -> String {
        match location {
            Location::Registry(reference) => self.clip_reference(reference, cells),
            Location::Local(image) => self.clip_middle(&image.to_string(), cells),
        }
    }

    /// What an image is called in its store. The only image of a store is called as the store.
    #[must_use]
    pub fn clip_name(&self, location: &Location, cells: usize) -> String {
        let name = match location.name_in_store() {
            name if name.is_empty() => location.to_string(),
            name => name,
        };
        match location {
            _ if width(&name) <= cells => sanitize(&name).into_owned(),
            Location::Registry(reference) => self.fit("", reference, cells),
            Location::Local(_) => self.clip_middle(&name, cells),
        }
    }

    fn fit(&self, registry: &str, reference: &Reference, cells: usize) -> String {
        let mut version = String::new();
        if let Some(tag) = &reference.tag {
            version.push_str(&format!(":{tag}"));
        }
        if let Some(digest) = &reference.digest {
            version.push_str(&format!("@{}", digest.short()));
        }
        let repository = reference.repository.as_str();
        let name = repository.rsplit('/').next().unwrap_or(repository);
        // The last component matters most; eight cells of it still distinguish repositories.
        let min_width = (width(name) + 3).min(8);
        let mut room = cells.saturating_sub(width(registry) + width(&version));
        if room < min_width {
            // A very long version loses its middle first.
            let left = cells.saturating_sub(width(registry));
            version = self.clip_middle(&version, (left / 2).max(8));
            room = left.saturating_sub(width(&version));
        }
        if room >= min_width {
            let name = if room > width(name) + 1 && room < width(repository) {
                let path = &repository[..repository.len() - name.len()];
                format!("{}{name}", self.clip_middle(path, room - width(name)))
            } else {
                self.clip_middle(repository, room)
            };
            return format!("{registry}{name}{version}");
        }
        self.clip_middle(&format!("{registry}{repository}{version}"), cells)
    }
}

/// Cuts sanitized text to at most `cells` cells.
fn shorten(text: &mut String, cells: usize) {
    let mut used = 0;
    let end = text.char_indices().find_map(|(at, c)| {
        used += c.width().unwrap_or(0);
        (used > cells).then_some(at)
    });
    text.truncate(end.unwrap_or(text.len()));
}

/// The last `cells` cells of sanitized text.
fn tail(text: &str, cells: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().find_map(|(at, c)| {
        used += c.width().unwrap_or(0);
        (used > cells).then_some(at + c.len_utf8())
    });
    &text[start.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLYPHS: Glyphs = Glyphs::UNICODE;

    fn reference(text: &str, cells: usize) -> String {
        GLYPHS.clip_reference(&text.parse().unwrap(), cells)
    }

    #[test]
    fn wide_characters_count_two_cells() {
        assert_eq!(GLYPHS.clip_end("画像画像", 8), "画像画像");
        assert_eq!(GLYPHS.clip_end("画像画像", 7), "画像画…");
        assert_eq!(GLYPHS.clip_end("画像画像", 6), "画像…");
        assert_eq!(GLYPHS.clip_middle("画像画像画像", 7), "画…画像");
    }

    #[test]
    fn words_stay_whole_unless_that_leaves_half_of_a_line_empty() {
        assert_eq!(wrap("read the manifest", 10), ["read the", "manifest"]);
        assert_eq!(wrap("a verylongword", 8), ["a verylo", "ngword"]);
        assert_eq!(wrap("policy decides", 6), ["policy", "decide", "s"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("画像画像", 5), ["画像", "画像"]);
    }

    #[test]
    fn no_line_is_wider_than_its_room_and_no_text_is_lost() {
        let text = "RUN apt-get install -y ca-certificates 画像 && rm -rf /var/lib/apt/lists";
        for cells in 2..60 {
            let pieces = wrap(text, cells);
            assert!(pieces.iter().all(|piece| width(piece) <= cells));
            assert_eq!(pieces.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }

    #[test]
    fn skipping_ends_between_characters() {
        assert_eq!(skip("ab画像", 1), "b画像");
        assert_eq!(skip("ab画像", 3), "像");
        assert_eq!(skip("ab画像", 9), "");
        assert_eq!(skip("ab", 0), "ab");
    }

    #[test]
    fn nothing_is_wider_than_its_room() {
        for cells in 0..40 {
            for text in [
                "short",
                "a rather long line of text, really",
                "画像\u{301}\u{1b}[31m画像画像画像画像",
            ] {
                assert!(width(&GLYPHS.clip_end(text, cells)) <= cells);
                assert!(width(&GLYPHS.clip_middle(text, cells)) <= cells);
            }
            let name = reference(
                "registry.example:5000/platform/team/very/deep/api:1.2.3",
                cells,
            );
            assert!(width(&name) <= cells, "{name} in {cells}");
        }
    }

    #[test]
    fn a_reference_keeps_registry_name_and_tag() {
        let text = "registry.example/platform/team/payments/api:1.2.3";
        assert_eq!(reference(text, 60), text);
        assert_eq!(
            reference(text, 40),
            "registry.example/platfo…yments/api:1.2.3"
        );
        assert_eq!(reference(text, 30), "registry.example/p…s/api:1.2.3");
    }

    #[test]
    fn a_name_loses_the_middle_of_its_path() {
        let reference = "registry.example/platform/team/payments/api:1.2.3"
            .parse()
            .unwrap();
        let name = |cells| GLYPHS.clip_name(&reference, cells);
        assert_eq!(name(40), "platform/team/payments/api:1.2.3");
        assert_eq!(name(20), "platf…ents/api:1.2.3");
    }

    #[test]
    fn a_digest_is_shortened_before_the_name() {
        let digest = crate::oci::Digest::of(b"x");
        let text = format!("registry.example/team/api:1@{digest}");
        assert_eq!(
            reference(&text, 60),
            format!("registry.example/team/api:1@{}", digest.short())
        );
    }
}
