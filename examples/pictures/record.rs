//! Records a run: every frame for an animated picture, and single frames of the panes on the way.
//!
//! Decides which keys are pressed when, so that the pictures show what there is. Invariant: frames are those an
//! operator would see.

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
/// Frames in the recording; more make it large and no clearer.
const FRAME: Duration = Duration::from_millis(500);
/// The end is shown for so long.
const REST: Duration = Duration::from_secs(3);

/// When which keys are pressed, and the name of the picture that is taken then. What is still to come when
/// the batch has ended is done right then.
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

/// Watches the batch until every image has ended. Gives back pictures by name; `recording` is the animated one.
pub async fn record(mut events: Lines<impl AsyncBufRead + Unpin>) -> anyhow::Result<Pictures> {
    let mut stage = OffscreenTui::new(SIZE, options());
    let start = Instant::now();
    let mut frames: Vec<(Duration, Buffer)> = Vec::new();
    let mut pictures = Pictures::new();
    let mut script = SCRIPT.iter().peekable();
    let mut frame = interval(FRAME);
    frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    while open && !stage.has_ended() {
        tokio::select! {
            line = events.next_line() => match line? {
                Some(line) => stage.event(serde_json::from_str(&line)?),
                None => open = false,
            },
            _ = frame.tick() => {
                let now = start.elapsed();
                stage.tick(now);
                while let Some((_, keys, name)) = script.next_if(|step| now.as_secs() >= step.0) {
                    stage.press(keys);
                    take(&mut pictures, name, &stage);
                }
                frames.push((now, stage.draw()));
            }
        }
    }
    let end = start.elapsed();
    stage.tick(end);
    for (_, keys, name) in script {
        stage.press(keys);
        take(&mut pictures, name, &stage);
    }
    stage.press(FAILURES);
    stage.tick(end);
    take(&mut pictures, "failures", &stage);
    frames.push((end, stage.draw()));
    pictures.push(("recording", svg::recording(&frames, end + REST)));
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

fn take(pictures: &mut Pictures, name: &'static str, stage: &OffscreenTui) {
    if !name.is_empty() {
        pictures.push((name, svg::picture(&stage.draw())));
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
            job: Job {
                id: JobId(0),
                spec: CopySpec::new(
                    "a.example/team/app:1".parse().unwrap(),
                    "b.example/team/app:1".parse().unwrap(),
                ),
            },
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
