//! The event stream: one JSON object a line, version 1, described in `assets/events.md`.
//!
//! Invariant: a line holds no character that could steer a terminal; such characters are escaped, which readers
//! of JSON do not notice.

use std::io;

use serde::{Deserialize, Serialize};

use crate::{batch::TimedEvent, present};

/// Raised when a name or the meaning of one changes; new names alone do not.
const VERSION: u8 = 1;

/// What a line holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line<E> {
    pub(super) v: u8,
    /// Counts the lines of this run, from 1.
    pub(super) seq: u64,
    #[serde(flatten)]
    pub(super) event: E,
}

/// `event` as the line `seq` of the stream, with the line break.
pub(super) fn line(seq: u64, event: &TimedEvent) -> io::Result<String> {
    let line = Line {
        v: VERSION,
        seq,
        event,
    };
    let written = serde_json::to_string(&line)?;
    Ok(format!("{}\n", present::escaped(&written)))
}

#[cfg(test)]
pub(super) fn read(line: &str) -> serde_json::Result<Line<TimedEvent>> {
    serde_json::from_str(line)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::batch::Event;

    const DOCUMENTED: &str = include_str!("../../assets/events.md");

    fn examples() -> impl Iterator<Item = &'static str> {
        DOCUMENTED.lines().filter(|line| line.starts_with('{'))
    }

    /// Every event's name, as the reader of events lists them when it meets another one.
    fn names() -> BTreeSet<String> {
        let error = serde_json::from_str::<Event>(r#"{"event":"?"}"#).unwrap_err();
        let error = error.to_string();
        let (_, known) = error.split_once("expected one of ").unwrap();
        let names = known.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    }

    #[test]
    fn every_documented_line_is_what_is_written() {
        for example in examples() {
            let read = read(example).unwrap_or_else(|error| panic!("{error}: {example}"));
            assert_eq!(read.v, VERSION);
            let written = line(read.seq, &read.event).unwrap();
            assert_eq!(written.trim_end(), example);
        }
    }

    #[test]
    fn every_event_is_documented_with_an_example() {
        let name = |event: &Event| {
            let event = serde_json::to_value(event).unwrap();
            event["event"].as_str().unwrap().to_owned()
        };
        let shown: BTreeSet<String> = examples()
            .map(|example| name(&read(example).unwrap().event.event))
            .collect();
        assert_eq!(shown, names());
        for name in names() {
            assert!(DOCUMENTED.contains(&format!("### `{name}`\n")), "{name}");
        }
    }

    #[test]
    fn a_line_cannot_steer_a_terminal_and_loses_nothing() {
        let event = Event::Noted {
            job: None,
            text: "a\x1b[2J\u{9b}1m\u{202e}\u{e0041}\n\"größer\" 画像".into(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let event = TimedEvent { at, event };
        let written = line(1, &event).unwrap();
        assert_eq!(
            written,
            "{\"v\":1,\"seq\":1,\"at\":\"1970-01-01T00:00:00.000Z\",\"event\":\"noted\",\"job\":null,\
             \"text\":\"a\\u001b[2J\\u009b1m\\u202e\\udb40\\udc41\\n\\\"größer\\\" 画像\"}\n"
        );
        assert_eq!(read(&written).unwrap().event, event);
    }
}
