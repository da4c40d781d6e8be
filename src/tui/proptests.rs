//! Any keys, events and sizes in any order leave a consistent model that can be drawn.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, layout::Size};

use super::{
    fixtures::{
        self, batch_started, blob_started, blob_waited, copied, failed, mounted, planned, press,
        progress, retry_scheduled, skipped, started,
    },
    keymap::{Keymap, Mode},
    model::{Model, Msg},
    update::update,
    view::view,
};
use crate::batch::{Event, JobId, QueueReason, StopMode};

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Event(Box<Event>),
    Tick(u64),
    Resize(u16, u16),
}

fn event() -> impl Strategy<Value = Event> {
    (0..20_u8, 0..14_u32, 1..4_u16, 0..3_usize, 0..1000_u64).prop_map(
        |(kind, job, attempt, blob, bytes)| match kind {
            0..3 => started(job, attempt),
            3..5 => planned(job, &[10, 1000, bytes]),
            5 => blob_started(job, blob, bytes.min(10)),
            6 => blob_waited(job, blob, job / 2),
            7..10 => progress(job, attempt, blob, bytes.min(10)),
            10 => mounted(job, blob),
            11..13 => copied(job),
            13 => failed(job, "said 401"),
            14 => retry_scheduled(job, attempt, "said 503"),
            15 => skipped(job),
            16 => Event::JobQueued {
                job: JobId(job),
                why: QueueReason::User,
            },
            17 => Event::BatchPaused,
            18 => Event::StopRequested {
                mode: StopMode::Cancel,
            },
            _ => match bytes {
                0..20 => batch_started("again.toml", 0),
                20..40 => Event::BatchFinished { stopped_by: None },
                40..200 => Event::ReviewStarted,
                200..240 => Event::ReviewEnded,
                240..600 => Event::JobQueued {
                    job: JobId(job),
                    why: QueueReason::Planned,
                },
                _ => Event::BatchResumed,
            },
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let keymap = Keymap::default();
    let modes = [Mode::Panes, Mode::Leave, Mode::Help, Mode::Palette];
    let keys: Vec<String> = (modes.into_iter())
        .flat_map(|mode| keymap.in_mode(mode))
        .flat_map(|binding| binding.keys.clone())
        .chain(["backspace", "x", "!"].map(str::to_owned))
        .collect();
    prop_oneof![
        4 => prop::sample::select(keys).prop_map(Step::Key),
        6 => event().prop_map(|event| Step::Event(Box::new(event))),
        2 => (0..90_u64).prop_map(Step::Tick),
        1 => (0..170_u16, 0..60_u16).prop_map(|(width, height)| Step::Resize(width, height)),
    ]
}

fn assert_consistent(model: &Model) {
    let rows = model.images.rows();
    assert_eq!(rows.len(), rows.iter().collect::<BTreeSet<_>>().len());
    let shown = |job: JobId| rows.contains(&job);
    assert!(model.images.selected().is_none_or(shown));
    let exists = |job: &JobId| model.board.job(*job).is_some();
    assert!(model.images.marked().iter().all(exists));
}

proptest! {
    #[test]
    fn the_model_stays_consistent_and_can_be_drawn(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = fixtures::model(fixtures::listed(12));
        let mut now = 0;
        for step in steps {
            match step {
                Step::Key(key) => drop(press(&mut model, &key)),
                Step::Event(event) => drop(fixtures::tell(&mut model, [*event])),
                Step::Tick(seconds) => {
                    now += seconds;
                    fixtures::tick(&mut model, now);
                }
                Step::Resize(width, height) => {
                    update(&mut model, Msg::Resized(Size { width, height }));
                }
            }
            assert_consistent(&model);
        }
        fixtures::tick(&mut model, now);
        let Size { width, height } = model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(&model, frame)).unwrap();
    }
}
