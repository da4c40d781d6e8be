//! Records a run: all frames for the animated picture, and single frames for the others.
//!
//! Decides which keys are pressed when. Invariant: frames are drawn by the real views.

use std::time::Duration;

use ratatui::buffer::Buffer;
use tokio::{
    io::{AsyncBufRead, Lines},
    time::{Instant, MissedTickBehavior, interval},
};
use transship::{
    run::RetryPolicy,
    tui::{OffscreenTui, Options},
};

use super::svg;

/// Pictures with their names.
pub type Pictures = Vec<(&'static str, String)>;

/// In cells.
const SIZE: (u16, u16) = (120, 36);
/// Time between recorded frames; more frames would only make the file larger.
const FRAME_INTERVAL: Duration = Duration::from_millis(500);
/// How long the last frame is shown.
const LAST_FRAME: Duration = Duration::from_secs(3);

/// Second, keys to press, and the name of the picture to take. When the batch ends, the remaining steps follow at once.
const SCRIPT: [(u64, &str, &str); 12] = [
    (6, "", "running"),
    (8, "j j 2", ""),
    (11, "", "image"),
    (12, "3", ""),
    (15, "", "registries"),
    (17, "1 / p l a t f o r m", ""),
    (19, "", "filter"),
    (20, "esc w 2", ""),
    (21, "?", "help"),
    (22, "esc : s o r t", ""),
    (23, "", "palette"),
    (24, "esc", ""),
];
const FAILURES: &str = "4";

/// Records until every image has ended. Returns pictures by name; `recording` is the animated one.
pub async fn record(mut events: Lines<impl AsyncBufRead + Unpin>) -> anyhow::Result<Pictures> {
    let mut screen = OffscreenTui::new(SIZE, options());
    let start = Instant::now();
    let mut frames: Vec<(Duration, Buffer)> = Vec::new();
    let mut pictures = Pictures::new();
    let mut script = SCRIPT.iter().peekable();
    let mut frame = interval(FRAME_INTERVAL);
    frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    while open && !screen.has_ended() {
        tokio::select! {
            line = events.next_line() => match line? {
                Some(line) => screen.event(serde_json::from_str(&line)?),
                None => open = false,
            },
            _ = frame.tick() => {
                let now = start.elapsed();
                screen.tick(now);
                while let Some((_, keys, name)) = script.next_if(|step| now.as_secs() >= step.0) {
                    screen.press(keys);
                    take(&mut pictures, name, &screen);
                }
                frames.push((now, screen.draw()));
            }
        }
    }
    let end = start.elapsed();
    screen.tick(end);
    for (_, keys, name) in script {
        screen.press(keys);
        take(&mut pictures, name, &screen);
    }
    screen.press(FAILURES);
    screen.tick(end);
    take(&mut pictures, "failures", &screen);
    frames.push((end, screen.draw()));
    pictures.push(("recording", svg::recording(&frames, end + LAST_FRAME)));
    Ok(pictures)
}

/// The same on every machine.
fn options() -> Options {
    let environment = |name: &str| (name == "LANG").then(|| "C.UTF-8".to_owned());
    Options {
        attempts: Some(RetryPolicy::default().attempts),
        ..Options::detect(environment)
    }
}

fn take(pictures: &mut Pictures, name: &'static str, screen: &OffscreenTui) {
    if !name.is_empty() {
        pictures.push((name, svg::picture(&screen.draw())));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt as _;
    use transship::batch::{BatchId, Event, Job, JobId, TimedEvent};

    use super::*;
    use transship::oci::CopySpec;

    #[tokio::test(start_paused = true)]
    async fn an_event_stream_becomes_every_picture_of_the_readme() {
        let started = Event::BatchStarted {
            batch: BatchId("b7".into()),
            list: "prod.toml".into(),
            jobs: 1,
            parallel: 4,
            resumed: false,
        };
        let listed = Event::JobListed {
            job: Box::new(Job {
                id: JobId(0),
                spec: CopySpec::new(
                    "a.example/team/app:1".parse().unwrap(),
                    "b.example/team/app:1".parse().unwrap(),
                ),
            }),
        };
        let lines = [started, listed].map(|event| {
            let at = jiff::Timestamp::UNIX_EPOCH;
            serde_json::to_string(&TimedEvent { at, event }).unwrap() + "\n"
        });
        let pictures = record(lines.concat().as_bytes().lines()).await.unwrap();
        let readme = std::fs::read_to_string("README.md").unwrap();
        let shown = readme.split("(assets/").skip(1);
        let shown = shown.filter_map(|rest| rest.split_once(".svg)"));
        let mut count = 0;
        for (name, _) in shown {
            let (_, picture) = (pictures.iter().find(|(known, _)| *known == name))
                .unwrap_or_else(|| panic!("{name} is not drawn"));
            assert!(picture.contains("team/app:1"), "{name}");
            count += 1;
        }
        assert_eq!(count, 5);
    }
}
