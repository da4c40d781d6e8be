//! What lies over the panes: help, questions, leaving.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    widgets::{Block, BorderType, Clear, Widget as _},
};

use super::pen;
use crate::{
    batch::StopMode,
    present::{Glyphs, count, percent, plain, width},
    tui::{
        help::{self, HelpLine},
        keys::{self, Mode},
        model::{Model, Overlay},
        theme::Role,
    },
};

/// How many images in flight are named.
const NAMED: usize = 8;

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
                let mut lines = vec![vec![(Role::Strong, question.clone())], Vec::new()];
                lines.extend(
                    (about.iter()).map(|line| vec![(Role::Text, format!("  {}", plain(line)))]),
                );
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
            Overlay::Help { offset } => {
                let height = help::height(model.size);
                let lines: Vec<Line> = help::lines()
                    .into_iter()
                    .skip(*offset)
                    .take(height)
                    .map(|line| help_line(line, model.options.glyphs))
                    .collect();
                let all = help::lines().len();
                let title = match height < all {
                    true => format!("Help {}-{} of {all}", offset + 1, offset + height),
                    false => "Help".into(),
                };
                boxed(model, buffer, &title, &lines);
            }
        }
    }
}

fn help_line(line: HelpLine, glyphs: Glyphs) -> Line {
    match line {
        HelpLine::Gap => Vec::new(),
        HelpLine::Title(group) => vec![(Role::Strong, group.title().into())],
        HelpLine::Key(binding) => {
            let keys = binding.keys.join(" ");
            let says = binding.says.replace('`', "");
            vec![
                (Role::Key, format!("  {keys:<14}")),
                (Role::Text, glyphs.clip_end(&says, 90)),
            ]
        }
    }
}

/// The images in flight, and what can become of them.
fn leave(model: &Model) -> Vec<Line> {
    let board = &model.board;
    let running = board.counts().running;
    let are = if running == 1 { "is" } else { "are" };
    let open = board.counts().queued + board.counts().waiting;
    let question = match running {
        0 => format!("No image is in flight; {open} still to come."),
        _ => format!("{} {are} in flight.", count(running, "image")),
    };
    let mut lines = vec![vec![(Role::Strong, question)], Vec::new()];
    for view in (board.running().take(NAMED)).filter_map(|job| board.job(job)) {
        let name = model.options.glyphs.clip_reference(&view.job.source, 52);
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
    let id = (board.batch.as_ref()).map_or("ID".into(), |id| plain(&id.0));
    for binding in keys::in_mode(Mode::Leave).filter(|binding| !binding.says.is_empty()) {
        let says = match binding.action {
            keys::Action::TakeBack if board.stopping != Some(StopMode::Drain) => continue,
            keys::Action::Drain if board.stopping == Some(StopMode::Drain) => continue,
            keys::Action::StopNow => {
                format!("stop now; `transship resume {id}` goes on where it stood")
            }
            _ => binding.says.into(),
        };
        lines.push(vec![
            (Role::Key, format!("{:<5}", binding.keys[0])),
            (Role::Text, says),
        ]);
    }
    lines
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
        .border_style(theme.style(Role::Accent))
        .title_style(theme.style(Role::Accent))
        .title(format!(" {title} "));
    match kind {
        Some(kind) => block.border_type(kind).render(area, buffer),
        None => block.border_set(ASCII_BORDER).render(area, buffer),
    }
    let inner = Rect {
        x: area.x + 2.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    for (row, line) in (0..inner.height).zip(lines) {
        let mut pen = pen(model, buffer, inner, row);
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
