//! Records a run: every frame for an animated picture, and single frames of the panes on the way.
//!
//! Decides which keys are pressed when, so that the pictures show what there is. Invariant: frames are those an
//! operator would see.

use std::time::Duration;

use ratatui::buffer::Buffer;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Feed, Options, Stage, svg};
use crate::batch::{Command, StopMode};

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

/// Watches the batch until every image has ended, then ends it. Gives back pictures by name; `recording`
/// is the animated one.
pub async fn record(feed: Feed, options: Options, size: (u16, u16)) -> Vec<(&'static str, String)> {
    let Feed {
        mut events,
        commands,
        ..
    } = feed;
    let mut stage = Stage::new(size, options);
    let start = Instant::now();
    let mut frames: Vec<(Duration, Buffer)> = Vec::new();
    let mut pictures = Vec::new();
    let mut script = SCRIPT.iter().peekable();
    let mut frame = interval(FRAME);
    frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    while open && !stage.has_ended() {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => stage.event(event),
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
    // A batch that is gone needs no end.
    let mode = StopMode::Drain;
    let _ = commands.send(Command::Stop { mode });
    pictures.push(("recording", svg::recording(&frames, end + REST)));
    pictures
}

fn take(pictures: &mut Vec<(&'static str, String)>, name: &'static str, stage: &Stage) {
    if !name.is_empty() {
        pictures.push((name, svg::picture(&stage.draw())));
    }
}
