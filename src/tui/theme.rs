//! The colour and emphasis of each role of text.
//!
//! Invariant: only the 16 ANSI colours are used, on the terminal's own background, and colour alone carries no meaning.

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::present::Phase;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// For a dark background.
    Dark,
    /// For a light background, on which yellow and cyan are unreadable.
    Light,
    /// Emphasis only.
    Mono,
}

/// The meaning of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Text,
    Dim,
    Strong,
    /// The program's name, the focused pane, the cursor.
    Accent,
    Key,
    Selected,
    Marked,
    Good,
    Busy,
    Warning,
    Bad,
    /// Needs attention.
    Alert,
    Success,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::Mono];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Mono => "mono",
        }
    }

    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Mono,
            Self::Mono => Self::Dark,
        }
    }

    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let style = match role {
            Role::Text | Role::Good | Role::Busy => Style::new(),
            Role::Dim => Style::new().add_modifier(Modifier::DIM),
            Role::Strong | Role::Accent | Role::Key | Role::Marked | Role::Warning | Role::Bad => {
                Style::new().add_modifier(Modifier::BOLD)
            }
            Role::Selected | Role::Alert | Role::Success => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
        };
        let color = match (self, role) {
            (Self::Mono, _) | (_, Role::Text | Role::Dim | Role::Strong) => return style,
            (Self::Dark, Role::Accent | Role::Key | Role::Selected) => Color::Cyan,
            (Self::Light, Role::Accent | Role::Key | Role::Selected | Role::Busy) => Color::Blue,
            (Self::Dark, Role::Busy) => Color::Blue,
            (Self::Dark, Role::Marked) | (Self::Light, Role::Warning | Role::Alert) => {
                Color::Magenta
            }
            (Self::Dark, Role::Warning | Role::Alert) => Color::Yellow,
            (Self::Light, Role::Marked) => Color::Cyan,
            (_, Role::Good | Role::Success) => Color::Green,
            (_, Role::Bad) => Color::Red,
        };
        style.fg(color)
    }
}

impl From<Phase> for Role {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Queued | Phase::Skipped | Phase::Kept => Self::Dim,
            Phase::Planned => Self::Text,
            Phase::Reading | Phase::Copying | Phase::Staged => Self::Busy,
            Phase::Waiting => Self::Warning,
            Phase::Copied | Phase::UpToDate => Self::Good,
            Phase::Failed => Self::Bad,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_has_no_colour() {
        for role in [
            Role::Accent,
            Role::Marked,
            Role::Good,
            Role::Busy,
            Role::Bad,
            Role::Alert,
        ] {
            let style = Theme::Mono.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }
}
