//! What lies over the panes: help, questions, leaving.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    widgets::{Block, BorderType, Clear, Padding, Widget as _},
};

use super::row_writer;
use crate::{
    present::{Glyphs, count, percent, sanitize, width, wrap},
    tui::{
        bindings::Heading as _,
        help::{self, HelpLine},
        keymap::{self, Mode},
        model::{Model, Overlay},
        palette,
        theme::Role,
    },
};

/// How many images in flight are named.
const NAMED: usize = 8;

/// Commands offered at once.
const OFFERED: usize = 14;

/// One line of an overlay in pieces.
type Line = Vec<(Role, String)>;

pub fn draw(model: &Model, buffer: &mut Buffer) {
    for overlay in &model.overlays {
        match overlay {
            // Its line is the footer.
            Overlay::Filter(_) => {}
            Overlay::Question {
                question, about, ..
            } => {
                let room = usize::from(model.size.width.saturating_sub(4));
                let question = wrap(question, room).into_iter();
                let mut lines: Vec<Line> =
                    question.map(|piece| vec![(Role::Strong, piece)]).collect();
                lines.push(Vec::new());
                lines.extend(about.iter().map(|line| {
                    let line = model
                        .options
                        .glyphs
                        .clip_middle(line, room.saturating_sub(2));
                    vec![(Role::Text, format!("  {line}"))]
                }));
                lines.push(Vec::new());
                lines.push(vec![
                    (Role::Key, "y".into()),
                    (Role::Text, " yes   ".into()),
                    (Role::Key, "n".into()),
                    (Role::Strong, " no".into()),
                    (Role::Dim, "   (enter means no)".into()),
                ]);
                boxed(model, buffer, "Confirm", &lines);
            }
            Overlay::Leave => boxed(model, buffer, "Leave?", &leave(model)),
            Overlay::Help { offset, search, .. } => {
                let all = help::lines(&model.options.keys, search.value(), help::cells(model.size));
                let height = help::height(model.size, all.len());
                let mut title = match height < all.len() {
                    true => format!("Help {}-{} of {}", offset + 1, offset + height, all.len()),
                    false => "Help".into(),
                };
                if !search.value().is_empty() {
                    title += &format!(" /{}", sanitize(search.value()));
                }
                // As wide for every page.
                let widest = (all.iter())
                    .map(|line| match line {
                        HelpLine::Key(_, says) => width(says),
                        HelpLine::Title(_) | HelpLine::Gap | HelpLine::NothingFound => 0,
                    })
                    .max()
                    .unwrap_or(0);
                let lines: Vec<Line> = (all.iter().skip(*offset).take(height))
                    .map(|line| help_line(line, widest))
                    .collect();
                boxed(model, buffer, &title, &lines);
            }
            Overlay::Palette { input, at } => {
                let lines = palette(model, input.value(), *at);
                boxed(model, buffer, "Commands", &lines);
            }
        }
    }
}

/// The commands that fit what was typed, around the chosen one.
fn palette(model: &Model, typed: &str, at: usize) -> Vec<Line> {
    let entries = palette::entries(&model.options.keys, typed);
    if entries.is_empty() {
        return vec![vec![(Role::Dim, "There is no such command.".into())]];
    }
    let glyphs = model.options.glyphs;
    let height = usize::from(model.size.height.saturating_sub(4)).min(OFFERED);
    let first = (at + 1).saturating_sub(height);
    let room = usize::from(model.size.width.saturating_sub(4));
    (entries.iter().enumerate().skip(first).take(height))
        .map(|(index, entry)| {
            let (cursor, name) = match index == at {
                true => (glyphs.cursor, Role::Accent),
                false => (" ", Role::Strong),
            };
            let room = room.saturating_sub(38);
            let says = glyphs.clip_end(&entry.says, room.min(60));
            let padded = room.min(40);
            vec![
                (Role::Accent, format!("{cursor} ")),
                (name, format!("{:<22}", entry.name)),
                (Role::Key, format!(" {:<12} ", entry.keys)),
                (Role::Text, format!("{says:<padded$}")),
            ]
        })
        .collect()
}

fn help_line(line: &HelpLine<keymap::Group>, widest: usize) -> Line {
    match line {
        HelpLine::NothingFound => vec![(Role::Dim, "No key does that; esc shows all.".into())],
        HelpLine::Gap => Vec::new(),
        HelpLine::Title(group) => vec![(Role::Strong, group.title().into())],
        HelpLine::Key(keys, says) => vec![
            (Role::Key, format!("  {keys:<0$}", help::KEYS)),
            (Role::Text, format!("{says:<widest$}")),
        ],
    }
}

/// The images in flight, and what can become of them.
fn leave(model: &Model) -> Vec<Line> {
    let board = &model.board;
    // A look at an image is nothing to be finished.
    let running = match board.is_reviewing() {
        true => 0,
        false => board.counts().running,
    };
    let are = if running == 1 { "is" } else { "are" };
    let open = board.counts().queued + board.counts().waiting;
    let question = match running {
        _ if board.is_reviewing() => "Nothing was copied yet.".into(),
        0 => format!("No image is in flight; {open} still to come."),
        _ => format!("{} {are} in flight.", count(running, "image")),
    };
    let mut lines = vec![vec![(Role::Strong, question)], Vec::new()];
    for view in (board.running().take(running.min(NAMED))).filter_map(|job| board.job(job)) {
        // The percentage follows.
        let cells = usize::from(model.size.width.saturating_sub(12)).min(52);
        let name = model
            .options
            .glyphs
            .clip_reference(&view.job.spec.source, cells);
        let share = match view.blobs.is_empty() {
            true => String::new(),
            false => format!(" {:>3}%", percent(view.bytes_done, view.bytes_total)),
        };
        lines.push(vec![(Role::Text, format!("  {name}")), (Role::Busy, share)]);
    }
    if running > NAMED {
        lines.push(vec![(Role::Dim, format!("  and {} more", running - NAMED))]);
    }
    if running > 0 {
        lines.push(Vec::new());
    }
    let resume = (board.batch.as_ref()).and_then(|id| model.options.commands.resume(id));
    let explained = |binding: &&keymap::Binding| !binding.says.is_empty() && model.offers(binding);
    for binding in model.options.keys.in_mode(Mode::Leave).filter(explained) {
        let mut key = binding.keys[0].as_str();
        let room = usize::from(model.size.width.saturating_sub(9));
        let says = match (binding.action, &resume) {
            (keymap::Action::StopNow, Some(resume)) => stop_now(resume, room),
            _ => wrap(binding.says, room),
        };
        for piece in says {
            lines.push(vec![(Role::Key, format!("{key:<5}")), (Role::Text, piece)]);
            key = "";
        }
    }
    lines
}

/// What stopping now means; the command that goes on stands on one line, or is printed after the screen.
fn stop_now(resume: &str, room: usize) -> Vec<String> {
    let whole = format!("stop now; `{resume}` goes on where it stood");
    if width(&whole) <= room {
        return vec![whole];
    }
    if width(resume) <= room {
        return vec![
            "stop now; this goes on where it stood:".into(),
            resume.into(),
        ];
    }
    wrap("stop now; the command that goes on is printed then", room)
}

/// A box in the middle of the screen, as large as its lines.
fn boxed(model: &Model, buffer: &mut Buffer, title: &str, lines: &[Line]) {
    let widest = (lines.iter())
        .map(|line| line.iter().map(|(_, text)| width(text)).sum())
        .chain([width(title) + 2])
        .max()
        .unwrap_or(0);
    let cells = u16::try_from(widest + 4).unwrap_or(u16::MAX);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let area = centred(model.size, cells, height).intersection(buffer.area);
    Clear.render(area, buffer);
    let theme = model.options.theme;
    let kind = match model.options.glyphs == Glyphs::ASCII {
        true => None,
        false => Some(BorderType::Rounded),
    };
    let block = Block::bordered()
        .padding(Padding::horizontal(1))
        .border_style(theme.style(Role::Accent))
        .title_style(theme.style(Role::Accent))
        .title(format!(" {title} "));
    let inner = block.inner(area);
    match kind {
        Some(kind) => block.border_type(kind).render(area, buffer),
        None => block.border_set(ASCII_BORDER).render(area, buffer),
    }
    for (row, line) in (0..inner.height).zip(lines) {
        let mut pen = row_writer(model, buffer, inner, row);
        for (role, text) in line {
            pen.put(*role, text);
        }
    }
}

const ASCII_BORDER: ratatui::symbols::border::Set = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

fn centred(size: Size, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(size.width), height.min(size.height));
    Rect {
        x: (size.width - width) / 2,
        y: (size.height - height) / 2,
        width,
        height,
    }
}
