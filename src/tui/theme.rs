//! Which colour and emphasis each role of text has.
//!
//! Invariant: only the 16 ANSI colours on the terminal's own background, and nothing that can be told by
//! colour alone: without colour every role still reads.

use ratatui::style::{Color, Modifier, Style};

use crate::present::Phase;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Ansi,
    /// Emphasis only.
    Mono,
}

/// What a piece of text is on the screen.
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
    /// A word that must not be overlooked.
    Alert,
    Celebrate,
}

impl Theme {
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let style = match role {
            Role::Text | Role::Good | Role::Busy => Style::new(),
            Role::Dim => Style::new().add_modifier(Modifier::DIM),
            Role::Strong | Role::Accent | Role::Key | Role::Marked | Role::Warning | Role::Bad => {
                Style::new().add_modifier(Modifier::BOLD)
            }
            Role::Selected | Role::Alert | Role::Celebrate => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
        };
        if self == Self::Mono {
            return style;
        }
        match role {
            Role::Text | Role::Dim | Role::Strong => style,
            Role::Accent | Role::Key | Role::Selected => style.fg(Color::Cyan),
            Role::Marked => style.fg(Color::Magenta),
            Role::Good | Role::Celebrate => style.fg(Color::Green),
            Role::Busy => style.fg(Color::Blue),
            Role::Warning | Role::Alert => style.fg(Color::Yellow),
            Role::Bad => style.fg(Color::Red),
        }
    }
}

impl From<Phase> for Role {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Queued | Phase::Skipped => Self::Dim,
            Phase::Reading | Phase::Copying => Self::Busy,
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
