//! Renders mistakes: file, line and column, the text underlined, a line of help.
//!
//! Decides the layout, not the messages. Invariant: control characters of the list, and those that reorder text, are
//! replaced by visible ones.

use std::{borrow::Cow, ops::Range};

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str,
};

use super::{mistake::Mistake, text::Text};

/// Whether rendered mistakes have terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    On,
    Off,
}

/// More mistakes would scroll the first ones off the screen.
const MAX_SHOWN: usize = 50;
/// Marks further apart than this many lines are shown as separate excerpts.
const MAX_EXCERPT_LINES: usize = 6;

pub(super) fn render(text: &Text, mistakes: &[Mistake], colours: Colours) -> String {
    let renderer = match colours {
        Colours::On => Renderer::styled(),
        Colours::Off => Renderer::plain(),
    };
    let file = visible(&text.file);
    let mut out = String::new();
    for mistake in mistakes.iter().take(MAX_SHOWN) {
        out.push_str(&renderer.render(&[group(text, &file, mistake)]));
        out.push_str("\n\n");
    }
    if let Some(more) = mistakes.len().checked_sub(MAX_SHOWN).filter(|&n| n > 0) {
        out.push_str(&format!("... and {more} more\n\n"));
    }
    match mistakes.len() {
        1 => out.push_str(&format!("1 mistake in {file}\n")),
        count => out.push_str(&format!("{count} mistakes in {file}\n")),
    }
    out
}

fn group<'a>(text: &'a Text, file: &'a str, mistake: &'a Mistake) -> Group<'a> {
    let mut group = Level::ERROR
        .primary_title(visible(&mistake.message))
        .elements(excerpts(text, file, mistake));
    if let Some(help) = &mistake.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    group
}

/// One snippet for marks that are close together, else one for each. A snippet has only its own lines, since the
/// renderer reads all of its text.
fn excerpts<'a>(
    text: &'a Text,
    file: &'a str,
    mistake: &'a Mistake,
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let lines: Vec<Range<usize>> = mistake
        .marks
        .iter()
        .map(|mark| lines_of(text, &mark.at))
        .collect();
    let first = lines.iter().map(|lines| lines.start).min().unwrap_or(1);
    let last = lines.iter().map(|lines| lines.end).max().unwrap_or(1);
    let together = last - first <= MAX_EXCERPT_LINES;
    let mut excerpts: Vec<(Range<usize>, Vec<Annotation>)> = Vec::new();
    for (index, (mark, lines)) in mistake.marks.iter().zip(lines).enumerate() {
        let lines = if together { first..last } else { lines };
        let kind = match index {
            0 => AnnotationKind::Primary,
            _ => AnnotationKind::Context,
        };
        let at = text.clamp(&mark.at);
        let offset = text.line_start(lines.start);
        let annotation = kind
            .span(at.start - offset..at.end - offset)
            .label(mark.label.as_deref().map(visible));
        match excerpts.last_mut() {
            Some((_, annotations)) if together => annotations.push(annotation),
            _ => excerpts.push((lines, vec![annotation])),
        }
    }
    excerpts
        .into_iter()
        .map(|(lines, annotations)| {
            let content = &text.content[text.line_start(lines.start)..text.line_start(lines.end)];
            Snippet::source(same_length(content))
                .line_start(lines.start)
                .path(file)
                .annotations(annotations)
        })
        .collect()
}

/// The lines `at` touches, the last excluded.
fn lines_of(text: &Text, at: &Range<usize>) -> Range<usize> {
    let at = text.clamp(at);
    text.line(at.start)..text.line(at.end.saturating_sub(1).max(at.start)) + 1
}

/// `text` on one line, without control characters.
fn visible(text: &str) -> String {
    normalize_untrusted_str(&same_length(text)).replace('\n', " ")
}

/// Replaces characters by others of the same length in bytes, so that marks stay where they are. Only those that the
/// renderer lets pass: it replaces C0 controls and bidirectional overrides itself.
fn same_length(text: &str) -> Cow<'_, str> {
    let is_invisible = |c: char| {
        matches!(c, '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|c| match c.len_utf8() {
            _ if !is_invisible(c) => c,
            2 => '\u{b7}',
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_made_visible_in_place() {
        let text = "a\u{9b}31mb\u{200f}\u{feff}c";
        let shown = same_length(text);
        assert_eq!(shown, "a\u{b7}31mb\u{fffd}\u{fffd}c");
        assert_eq!(shown.len(), text.len());
        assert_eq!(visible("a\u{1b}[2J\nb\u{202e}"), "a\u{241b}[2J b\u{fffd}");
    }

    #[test]
    fn only_the_first_mistakes_are_shown_but_all_are_counted() {
        let text = Text::new("images.toml", "x\n", &[]);
        let mistakes = vec![Mistake::new("wrong", 0..1); MAX_SHOWN + 7];
        let shown = render(&text, &mistakes, Colours::Off);
        assert_eq!(shown.matches("error: wrong").count(), MAX_SHOWN);
        assert!(shown.ends_with("... and 7 more\n\n57 mistakes in images.toml\n"));
    }
}
