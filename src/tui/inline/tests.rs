//! Pictures of the lines in place and of the scrollback.

use jiff::Timestamp;
use ratatui::{backend::TestBackend, buffer::Buffer, layout::Rect};

use super::{model::InlineModel, scroll_line::ScrollLine, view, viewport::Viewport};
use crate::{
    batch::{Event, Settled, StopMode, TimedEvent},
    present::Glyphs,
    tui::{
        fixtures::{
            self, MIB, batch_started, blob_started, copied, failed, job, mounted, planned,
            progress, retry_scheduled, settled, started,
        },
        picture,
        theme::Theme,
    },
};

/// A batch that is told events at times, and the lines it has left.
struct Scene {
    model: InlineModel,
    lines: Vec<ScrollLine>,
    second: i64,
}

impl Scene {
    fn new() -> Self {
        Self {
            model: InlineModel::new(fixtures::options()),
            lines: Vec::new(),
            second: 0,
        }
    }

    /// One image whose blobs have these sizes.
    fn of(sizes: &[u64]) -> Self {
        let source = "registry.example.com/team/api:1.2";
        let destination = "harbor.example.com/mirror/team/api:1.2";
        let mut scene = Self::new();
        scene.tell([
            batch_started("api", 1),
            job(0, source, destination),
            started(0, 1),
            planned(0, sizes),
        ]);
        scene
    }

    fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            let at = Timestamp::from_second(self.second).unwrap();
            self.lines
                .extend(self.model.apply(&TimedEvent { at, event }));
        }
    }

    fn tick(&mut self, second: i64) {
        self.second = second;
        self.model.tick(Timestamp::from_second(second).unwrap());
    }

    /// The lines in place, `width` cells wide.
    fn in_place(&self, width: u16) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, self.model.height()));
        view::draw(&self.model, &mut buffer);
        buffer
    }

    /// The lines of the scrollback, and those in place.
    fn picture(&self, width: u16) -> String {
        let mut text = format!("---- {width} ----\n");
        for line in &self.lines {
            let area = Rect::new(0, 0, width, view::line_height(line, width));
            let mut buffer = Buffer::empty(area);
            view::draw_line(&self.model, line, &mut buffer, area);
            text += &picture::text(&buffer);
        }
        text + "----\n" + &picture::styled(&self.in_place(width))
    }

    fn pictures(&self) -> String {
        [160, 80, 40].map(|width| self.picture(width)).concat()
    }
}

/// Twelve seconds into an image: blobs in every state.
fn busy() -> Scene {
    let mut scene = Scene::of(&[3_000, 40 * MIB, 25 * MIB, 700_000, 9 * MIB]);
    scene.tell([
        settled(0, 0, Settled::Copied),
        mounted(0, 3),
        blob_started(0, 1, 0),
        blob_started(0, 2, 5 * MIB),
    ]);
    for second in 1..=12 {
        scene.tick(second);
        let sent = second.unsigned_abs();
        scene.tell([
            progress(0, 1, 1, sent * MIB),
            progress(0, 1, 2, 5 * MIB + sent * 100_000),
        ]);
    }
    scene
}

#[test]
fn a_copy_under_way() {
    insta::assert_snapshot!(busy().pictures());
}

#[test]
fn a_copy_at_its_start_and_at_its_end() {
    let start = Scene::new().pictures();
    let mut scene = Scene::of(&[3_000, 5 * MIB]);
    let planned = scene.pictures();
    scene.tell([
        settled(0, 0, Settled::Present),
        settled(0, 1, Settled::Copied),
    ]);
    scene.tick(3);
    scene.tell([copied(0)]);
    insta::assert_snapshot!([start, planned, scene.pictures()].concat());
}

#[test]
fn a_copy_that_waits_fails_and_is_stopped() {
    let mut scene = busy();
    scene.tell([
        retry_scheduled(
            0,
            1,
            "said 503: the registry is restarting and will be back in a moment",
        ),
        Event::Noted {
            job: Some(crate::batch::JobId(0)),
            text: "a \x1b[31mnote".into(),
        },
    ]);
    let waiting = scene.picture(80);
    scene.tell([Event::StopRequested {
        mode: StopMode::Drain,
    }]);
    let draining = scene.picture(60);
    scene.tell([failed(0, "said 401: denied")]);
    insta::assert_snapshot!([waiting, draining, scene.picture(80)].concat());
}

#[test]
fn the_fastest_blobs_are_shown_in_their_order_and_the_others_are_counted() {
    let sizes = [10 * MIB; 30];
    let mut scene = Scene::of(&sizes);
    scene.tell((0..20).map(|blob| blob_started(0, blob, 0)));
    scene.tell((0..20).map(|blob| progress(0, 1, blob, blob as u64 * 10_000)));
    scene.tick(1);
    let shown = scene.model.blobs(100);
    let digests: Vec<_> = (shown.active.iter())
        .map(|active| active.blob.digest.clone())
        .collect();
    let expected: Vec<_> = (12..20).map(|blob| fixtures::digest(0, blob)).collect();
    assert_eq!((digests, shown.more), (expected, 22));
    assert_eq!(scene.model.height(), 11);
    insta::assert_snapshot!(scene.picture(80));
}

#[test]
fn a_copy_reads_without_colour_and_in_ascii() {
    let mut scene = busy();
    scene.model.options.theme = Theme::Mono;
    scene.model.options.glyphs = Glyphs::ASCII;
    let picture = scene.picture(80);
    assert!(picture.is_ascii(), "{picture}");
    insta::assert_snapshot!(picture);
}

#[test]
fn a_blob_that_two_tags_share_has_one_line() {
    let mut scene = Scene::new();
    let source = "registry.example.com/team/api:1.2";
    scene.tell([
        batch_started("api", 2),
        job(0, source, "harbor.example.com/team/api:1.2"),
        job(1, source, "harbor.example.com/team/api:latest"),
    ]);
    for image in [0, 1] {
        // Both have the blobs of the first.
        let Event::JobPlanned {
            root,
            manifests,
            blobs,
            replaces,
            ..
        } = planned(0, &[2_000, MIB])
        else {
            panic!("`planned` makes `JobPlanned`");
        };
        let job = crate::batch::JobId(image);
        let planned = Event::JobPlanned {
            job,
            root,
            manifests,
            blobs,
            replaces,
        };
        let there = |blob| Event::BlobSettled {
            job,
            digest: fixtures::digest(0, blob),
            bytes: 0,
            how: Settled::Present,
        };
        scene.tell([
            started(image, 1),
            planned,
            there(0),
            there(1),
            copied(image),
        ]);
    }
    let blobs = scene
        .lines
        .iter()
        .filter(|line| matches!(line, ScrollLine::Blob { .. }));
    assert_eq!(blobs.count(), 2);
    insta::assert_snapshot!(scene.picture(80));
}

#[test]
fn no_width_breaks_the_picture() {
    let mut scene = busy();
    scene.tell([copied(0)]);
    for width in 1..200 {
        scene.picture(width);
    }
}

/// All rows that the terminal has had, without empty ones.
fn rows(viewport: &mut Viewport<TestBackend>) -> Vec<String> {
    let backend = viewport.backend_mut().inner_mut().unwrap();
    let text = picture::text(backend.scrollback()) + &picture::text(backend.buffer());
    let rows = text.lines().filter(|row| !row.is_empty());
    rows.map(str::to_owned).collect()
}

#[test]
fn more_lines_than_the_screen_has_stay_in_the_scrollback() {
    let mut scene = busy();
    let mut viewport = Viewport::new(TestBackend::new(80, 12)).unwrap();
    viewport.draw(&scene.model, &scene.lines).unwrap();
    let kept = |viewport: &mut Viewport<TestBackend>, start: &str| {
        let rows = rows(viewport);
        rows.iter().filter(|row| row.starts_with(start)).count()
    };
    assert_eq!(kept(&mut viewport, "✓ "), 2);
    assert_eq!(kept(&mut viewport, "  layer "), 2);
    // More lines than the screen has.
    scene.tell((0..30).map(|number| Event::Noted {
        job: None,
        text: format!("note {number}"),
    }));
    viewport.draw(&scene.model, &scene.lines[2..]).unwrap();
    assert_eq!(kept(&mut viewport, "✓ "), 2);
    assert_eq!(kept(&mut viewport, "↻ note "), 30);
    // This backend does not keep rows when its size changes, as a terminal does.
    for (width, height) in [(40, 12), (99, 3), (10, 1), (80, 24)] {
        let backend = viewport.backend_mut().inner_mut().unwrap();
        backend.resize(width, height);
        viewport.draw(&scene.model, &scene.lines).unwrap();
    }
    viewport.clear().unwrap();
    let last = rows(&mut viewport).pop();
    assert!(last.is_some_and(|row| !row.contains('%')));
}
