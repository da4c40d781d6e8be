//! The boxes over a screen: help, command palette, questions, leaving.

use super::{
    boxes::{self, Line},
    canvas::Canvas,
};
use crate::{
    present::{count, percent, sanitize, width, wrap},
    tui::{
        help::{self, Help, HelpLine},
        keymap::{self, Mode},
        model::{Model, Overlay},
        palette,
        theme::Role,
    },
};

/// Images in flight that are listed.
const MAX_NAMED: usize = 8;

/// Commands shown at once.
const MAX_OFFERED: usize = 14;

pub fn draw(model: &Model, canvas: &mut Canvas) {
    for overlay in &model.overlays {
        match overlay {
            // Drawn by the footer.
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
                boxes::draw(canvas, "Confirm", &lines);
            }
            Overlay::Leave => boxes::draw(canvas, "Leave?", &leave(model)),
            Overlay::Help(help) => draw_help(model, canvas, help),
            Overlay::Palette { input, at } => {
                let lines = palette(model, input.value(), *at);
                boxes::draw(canvas, "Commands", &lines);
            }
        }
    }
}

/// The commands that match the input, around the selected one.
fn palette(model: &Model, typed: &str, at: usize) -> Vec<Line> {
    let entries = palette::entries(&model.options.keys, typed);
    if entries.is_empty() {
        return vec![vec![(Role::Dim, "There is no such command.".into())]];
    }
    let glyphs = model.options.glyphs;
    let height = usize::from(model.size.height.saturating_sub(4)).min(MAX_OFFERED);
    let first = (at + 1).saturating_sub(height);
    let room = usize::from(model.size.width.saturating_sub(4));
    (entries.iter().enumerate().skip(first).take(height))
        .map(|(index, entry)| {
            let (cursor, name) = match index == at {
                true => (glyphs.cursor, Role::Accent),
                false => (" ", Role::Strong),
            };
            let room = room.saturating_sub(38);
            let text = glyphs.clip_end(&entry.explanation, room.min(60));
            let padded = room.min(40);
            vec![
                (Role::Accent, format!("{cursor} ")),
                (name, format!("{:<22}", entry.name)),
                (Role::Key, format!(" {:<12} ", entry.keys)),
                (Role::Text, format!("{text:<padded$}")),
            ]
        })
        .collect()
}

fn draw_help(model: &Model, canvas: &mut Canvas, help: &Help) {
    let search = help.search.value();
    let all = model.help_lines(search);
    let height = help::height(model.size, all.len());
    let mut title = match height < all.len() {
        true => {
            let (first, last) = (help.offset + 1, help.offset + height);
            format!("Help {first}-{last} of {}", all.len())
        }
        false => "Help".into(),
    };
    if !search.is_empty() {
        title += &format!(" /{}", sanitize(search));
    }
    // The box is equally wide for every page.
    let widest = (all.iter())
        .map(|line| match line {
            HelpLine::Key(_, explanation) => width(explanation),
            HelpLine::Title(_) | HelpLine::Gap | HelpLine::NothingFound => 0,
        })
        .max()
        .unwrap_or(0);
    let page = all.into_iter().skip(help.offset).take(height);
    let lines: Vec<Line> = page.map(|line| help_line(line, widest)).collect();
    boxes::draw(canvas, &title, &lines);
}

fn help_line(line: HelpLine, widest: usize) -> Line {
    match line {
        HelpLine::NothingFound => vec![(Role::Dim, "No key does that; esc shows all.".into())],
        HelpLine::Gap => Vec::new(),
        HelpLine::Title(title) => vec![(Role::Strong, title.into())],
        HelpLine::Key(keys, explanation) => vec![
            (Role::Key, format!("  {keys:<0$}", help::KEYS)),
            (Role::Text, format!("{explanation:<widest$}")),
        ],
    }
}

/// The images in flight and the ways to leave.
fn leave(model: &Model) -> Vec<Line> {
    let board = &model.board;
    // A preflight has no work to finish.
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
    for view in (board.running().take(running.min(MAX_NAMED))).filter_map(|job| board.job(job)) {
        // The percentage follows.
        let cells = usize::from(model.size.width.saturating_sub(12)).min(52);
        let name = model
            .options
            .glyphs
            .clip_location(&view.job.spec.source, cells);
        let share = match view.blobs.is_empty() {
            true => String::new(),
            false => format!(" {:>3}%", percent(view.bytes_done, view.bytes_total)),
        };
        lines.push(vec![(Role::Text, format!("  {name}")), (Role::Busy, share)]);
    }
    if running > MAX_NAMED {
        lines.push(vec![(
            Role::Dim,
            format!("  and {} more", running - MAX_NAMED),
        )]);
    }
    if running > 0 {
        lines.push(Vec::new());
    }
    let resume = (board.batch.as_ref()).and_then(|id| model.options.commands.resume(id));
    let explained =
        |binding: &&keymap::Binding| !binding.explanation.is_empty() && model.offers(binding);
    for binding in model.options.keys.in_mode(Mode::Leave).filter(explained) {
        let mut key = binding.keys[0].as_str();
        let room = usize::from(model.size.width.saturating_sub(9));
        let text = match (binding.action, &resume) {
            (keymap::Action::StopNow, Some(resume)) => stop_now(resume, room),
            _ => wrap(binding.explanation, room),
        };
        for piece in text {
            lines.push(vec![(Role::Key, format!("{key:<5}")), (Role::Text, piece)]);
            key = "";
        }
    }
    lines
}

/// Explains stopping now. The resume command stays on one line, so that it can be pasted; without room for it, it is
/// printed after the program has left the screen.
fn stop_now(resume: &str, room: usize) -> Vec<String> {
    let whole = format!("stop now; `{resume}` continues from there");
    if width(&whole) <= room {
        return vec![whole];
    }
    if width(resume) <= room {
        return vec!["stop now; this continues from there:".into(), resume.into()];
    }
    wrap("stop now; the resume command is printed afterwards", room)
}
