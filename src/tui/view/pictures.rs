//! Pictures of every screen, and what no picture may contain.

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Size};

use super::view;
use crate::{
    batch::{
        Attempt, Budget, Event, FailureClass, JobId, LaneState, Millis, Outcome, Settled, Side,
        UploadMode,
    },
    present::Glyphs,
    tui::{
        fixtures::{
            self, MIB, batch_started, blob_started, blob_waited, copied, failed, failure, finished,
            job, listed, mounted, planned, press, progress, retry_scheduled, settled, skipped,
            started, surveyed, tell, tick,
        },
        model::{Model, Msg},
        picture,
        theme::Theme,
        update::update,
    },
};

fn buffer(model: &Model) -> Buffer {
    let backend = TestBackend::new(model.size.width, model.size.height);
    let mut terminal = Terminal::new(backend).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(model: &Model) -> String {
    picture::text(&buffer(model))
}

fn styled(model: &Model) -> String {
    picture::styled(&buffer(model))
}

fn sized(mut model: Model, width: u16, height: u16) -> Model {
    update(&mut model, Msg::Resized(Size { width, height }));
    model
}

/// Twelve images in every state, half a minute into the batch.
fn busy() -> Model {
    let mut model = fixtures::model(listed(12));
    tick(&mut model, 0);
    let sizes = [3_000, 40 * MIB, 25 * MIB, 700_000];
    tell(
        &mut model,
        [started(0, 1), planned(0, &sizes), mounted(0, 1)],
    );
    tell(
        &mut model,
        [0, 2, 3].map(|blob| settled(0, blob, Settled::Copied)),
    );
    tell(
        &mut model,
        [
            copied(0),
            finished(
                1,
                Outcome::UpToDate {
                    root: fixtures::digest(1, 0),
                },
            ),
            started(2, 1),
            planned(2, &sizes),
            settled(2, 0, Settled::Present),
            mounted(2, 1),
            blob_started(2, 2, 0),
            started(3, 1),
            planned(3, &[3_000, 90 * MIB]),
            settled(3, 0, Settled::Copied),
            blob_waited(3, 1, 2),
            started(4, 1),
            retry_scheduled(5, 1, "said 429"),
            failed(6, "said 401: denied"),
            skipped(7),
        ],
    );
    for second in 1..=12 {
        tell(&mut model, [progress(2, 1, 2, second * second * MIB / 8)]);
        tick(&mut model, second);
    }
    model
}

/// Two attempts that failed, the second for good, with a chain of causes.
fn failing() -> Model {
    let mut model = fixtures::model(listed(6));
    let class = FailureClass::Transient {
        retry_after_ms: None,
    };
    let mut first = failure(Side::Source, class, "said 503");
    first.chain = vec![
        "reading layer 4f2a".into(),
        "503 Service Unavailable".into(),
    ];
    let mut last = failure(
        Side::Destination,
        FailureClass::Rejected,
        "said 403: quota of project team exceeded",
    );
    last.chain = vec![
        "writing manifest".into(),
        "PUT https://b.example/v2/team/app-1/manifests/1".into(),
        "403 Forbidden: quota of project team exceeded".into(),
    ];
    tell(
        &mut model,
        [
            started(0, 1),
            copied(0),
            started(1, 1),
            Event::JobRetryScheduled {
                job: JobId(1),
                attempt: Attempt(1),
                delay_ms: Millis(5_000),
                cause: first,
            },
            started(1, 2),
            planned(1, &[3_000, 40 * MIB]),
            settled(1, 0, Settled::Copied),
            settled(1, 1, Settled::Copied),
            finished(1, Outcome::Failed { cause: last }),
            failed(2, "said 401: authentication required"),
            copied(3),
            copied(4),
            copied(5),
        ],
    );
    tick(&mut model, 9);
    press(&mut model, "j");
    model
}

/// Names of many cells, and every dangerous character where a registry or a list could put it.
fn hostile() -> Model {
    let evil = "\x1b[2J\x1b]0;title\x07\u{9b}31m\r\n\t\u{202e}evil\u{200b}\u{feff}画像レジストリ\0";
    let mut model = fixtures::model([batch_started(&format!("画像リスト{evil}.toml"), 2)]);
    let mut cause = failure(Side::Source, FailureClass::Rejected, evil);
    cause.chain = vec![evil.repeat(20), evil.into()];
    tell(
        &mut model,
        [
            job(0, "a.example/team/api:1", "b.example/team/api:1"),
            job(
                1,
                &format!(
                    "a.example:5000/{}/api:{}",
                    ["deep"; 40].join("/"),
                    "9".repeat(120)
                ),
                "b.example/api:1",
            ),
            finished(0, Outcome::Failed { cause }),
            Event::Noted {
                job: Some(JobId(0)),
                text: evil.repeat(30),
            },
        ],
    );
    tick(&mut model, 1);
    model
}

/// A review of twelve images that is nearly complete: one is up to date, one failed, one is skipped.
fn review() -> Model {
    let mut model = fixtures::model(listed(12).into_iter().chain([Event::ReviewStarted]));
    tick(&mut model, 0);
    let root = fixtures::digest(1, 0);
    for job in [0, 2, 5, 6, 7, 8, 9] {
        let size = u64::from(job) * 7 * MIB + 300_000;
        let present: &[usize] = if job == 2 { &[1] } else { &[] };
        tell(
            &mut model,
            surveyed(job, &[3_000, size, 2 * size, MIB], present),
        );
    }
    tell(
        &mut model,
        [
            finished(1, Outcome::UpToDate { root }),
            failed(3, "said 404: manifest unknown"),
            skipped(5),
            started(4, 1),
            planned(4, &[3_000, 9 * MIB]),
            started(10, 1),
        ],
    );
    tick(&mut model, 3);
    press(&mut model, "g j j");
    model
}

fn many() -> Model {
    let mut model = fixtures::model(listed(2000));
    tell(
        &mut model,
        (0..700).flat_map(|job| [started(job, 1), copied(job)]),
    );
    tell(&mut model, (700..708).map(|job| started(job, 1)));
    tick(&mut model, 100);
    model
}

#[test]
fn empty_at_80x24() {
    insta::assert_snapshot!(text(&sized(fixtures::model([]), 80, 24)));
}

#[test]
fn busy_at_80x24_with_styles() {
    insta::assert_snapshot!(styled(&sized(busy(), 80, 24)));
}

#[test]
fn busy_at_120x40_with_styles() {
    insta::assert_snapshot!(styled(&busy()));
}

#[test]
fn busy_at_160x30() {
    insta::assert_snapshot!(text(&sized(busy(), 160, 30)));
}

#[test]
fn busy_at_60x15() {
    insta::assert_snapshot!(text(&sized(busy(), 60, 15)));
}

#[test]
fn busy_in_one_line() {
    insta::assert_snapshot!(text(&sized(busy(), 45, 3)));
}

#[test]
fn busy_in_ascii_without_colour() {
    let mut model = sized(busy(), 80, 24);
    model.options.theme = Theme::Mono;
    model.options.glyphs = Glyphs::ASCII;
    let picture = text(&model);
    assert!(picture.is_ascii(), "{picture}");
    insta::assert_snapshot!(picture);
}

#[test]
fn failing_at_80x24() {
    insta::assert_snapshot!(text(&sized(failing(), 80, 24)));
}

#[test]
fn failing_at_120x40() {
    insta::assert_snapshot!(text(&failing()));
}

#[test]
fn only_failures_at_80x24() {
    let mut model = sized(failing(), 80, 24);
    press(&mut model, "e");
    insta::assert_snapshot!(text(&model));
}

fn with_lanes(mut model: Model) -> Model {
    let lane =
        |registry: &str, streams, stream_limit, requests, bytes, throttled: Option<Millis>| {
            LaneState {
                registry: registry.parse().unwrap(),
                streams,
                stream_limit,
                stream_ceiling: 16,
                requests,
                request_rate: u32::from(streams) * 9,
                request_limit: None,
                bytes,
                byte_limit: None,
                answer_p50_ms: Some(Millis(12)),
                answer_p95_ms: Some(Millis(340)),
                throttled_ms: throttled,
                budget: throttled.map(|_| Budget {
                    limit: 100,
                    remaining: 4,
                    window_ms: Some(Millis(21_600_000)),
                }),
                upload_mode: match streams {
                    3 => UploadMode::Chunks { bytes: 64 * MIB },
                    _ => UploadMode::Whole,
                },
            }
        };
    let at = |times: u64| Event::LanesSampled {
        lanes: vec![
            lane("a.example", 8, 8, 200 * times, 50 * MIB * times, None),
            lane("b.example", 3, 16, 31 * times, 45 * MIB * times, None),
            lane(
                "a-rather-long-name.registry.internal.example:5000",
                0,
                4,
                7,
                0,
                Some(Millis(31_000)),
            ),
        ],
    };
    tell(&mut model, [at(1)]);
    tick(&mut model, 20);
    tell(&mut model, [at(2)]);
    tick(&mut model, 21);
    press(&mut model, "3");
    model
}

#[test]
fn registries_at_80x24() {
    insta::assert_snapshot!(text(&sized(with_lanes(busy()), 80, 24)));
}

#[test]
fn registries_at_120x40_with_styles() {
    insta::assert_snapshot!(styled(&with_lanes(busy())));
}

#[test]
fn registries_at_60x15() {
    insta::assert_snapshot!(text(&sized(with_lanes(busy()), 60, 15)));
}

#[test]
fn failures_by_cause_at_120x40_with_styles() {
    let mut model = failing();
    press(&mut model, "4");
    insta::assert_snapshot!(styled(&model));
}

#[test]
fn failures_by_cause_at_60x15() {
    let mut model = sized(failing(), 60, 15);
    press(&mut model, "4 j space");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn a_review_at_80x24_with_styles() {
    insta::assert_snapshot!(styled(&sized(review(), 80, 24)));
}

#[test]
fn a_review_at_120x40_with_styles() {
    insta::assert_snapshot!(styled(&review()));
}

#[test]
fn a_review_at_160x50() {
    insta::assert_snapshot!(text(&sized(review(), 160, 50)));
}

#[test]
fn a_review_at_60x15() {
    insta::assert_snapshot!(text(&sized(review(), 60, 15)));
}

#[test]
fn a_review_in_ascii_without_colour() {
    let mut model = sized(review(), 80, 24);
    model.options.theme = Theme::Mono;
    model.options.glyphs = Glyphs::ASCII;
    let picture = text(&model);
    assert!(picture.is_ascii(), "{picture}");
    insta::assert_snapshot!(picture);
}

#[test]
fn a_review_that_just_began_at_80x24() {
    let model = fixtures::model(listed(12).into_iter().chain([Event::ReviewStarted]));
    insta::assert_snapshot!(text(&sized(model, 80, 24)));
}

#[test]
fn a_review_to_many_registries_at_120x40() {
    let mut events = vec![batch_started("prod.toml", 9)];
    events.extend((0..9).map(|id| {
        job(
            id,
            &format!("a.example/app:{id}"),
            &format!("mirror-{id}.example:5000/app:1"),
        )
    }));
    events.push(Event::ReviewStarted);
    events.extend((0..9).flat_map(|job| surveyed(job, &[u64::from(job) * MIB], &[])));
    let mut model = fixtures::model(events);
    tick(&mut model, 1);
    insta::assert_snapshot!(text(&model));
}

#[test]
fn leaving_a_review_at_80x24() {
    let mut model = sized(review(), 80, 24);
    press(&mut model, "q");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn an_index_as_a_tree_at_120x40() {
    let mut model = fixtures::model(listed(2));
    let events = [
        started(0, 1),
        fixtures::planned_index(0),
        blob_started(0, 1, 0),
        mounted(0, 2),
        progress(0, 1, 1, 4 * MIB),
    ];
    tell(&mut model, events);
    tick(&mut model, 1);
    press(&mut model, "2");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn the_palette_at_80x24_with_styles() {
    let mut model = sized(busy(), 80, 24);
    press(&mut model, ": l o g");
    insta::assert_snapshot!(styled(&model));
}

#[test]
fn help_searched_at_60x15() {
    let mut model = sized(busy(), 60, 15);
    press(&mut model, "? / r e t r y");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn every_theme_has_its_own_colours() {
    let mut model = sized(busy(), 80, 24);
    press(&mut model, "T");
    insta::assert_snapshot!(styled(&model));
}

#[test]
fn a_log_of_errors_only_at_60x15() {
    let mut model = sized(busy(), 60, 15);
    press(&mut model, "5 l l");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn thousands_at_120x40() {
    insta::assert_snapshot!(text(&many()));
}

#[test]
fn thousands_filtered_and_marked_at_60x15() {
    let mut model = sized(many(), 60, 15);
    press(&mut model, "/ a p p - 1 9 9 enter j space space");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn leaving_at_80x24() {
    let mut model = sized(busy(), 80, 24);
    press(&mut model, "q");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn a_question_at_60x15() {
    let mut model = sized(busy(), 60, 15);
    press(&mut model, "R");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn help_at_120x40() {
    let mut model = busy();
    press(&mut model, "?");
    insta::assert_snapshot!(text(&model));
}

#[test]
fn hostile_text_at_80x24() {
    insta::assert_snapshot!(text(&sized(hostile(), 80, 24)));
}

#[test]
fn no_cell_ever_holds_what_could_steer_a_terminal() {
    for (width, height) in [(80, 24), (120, 40), (160, 50), (60, 15), (40, 5)] {
        for keys in [
            "j", "tab", "3", "4", "4 enter", "5", "q", "?", "s", "enter", "/ x", ":", "e", "L",
        ] {
            let mut model = sized(hostile(), width, height);
            press(&mut model, keys);
            for cell in &buffer(&model).content {
                let steers =
                    |c: char| c.is_control() || crate::present::plain(&c.to_string()) == "�";
                let allowed = |c: char| c == char::REPLACEMENT_CHARACTER;
                assert!(
                    cell.symbol().chars().all(|c| allowed(c) || !steers(c)),
                    "{:?} at {width}x{height} after {keys}",
                    cell.symbol()
                );
            }
        }
    }
}

#[test]
fn every_size_can_be_drawn() {
    for width in (0..170).step_by(7) {
        for height in (0..60).step_by(3) {
            for keys in [
                "j",
                "?",
                "q",
                "/ a p p",
                "R",
                "tab enter",
                "e",
                "3",
                "4",
                "5",
                ": s",
            ] {
                let mut model = sized(busy(), width, height);
                press(&mut model, keys);
                buffer(&model);
                let mut model = sized(review(), width, height);
                press(&mut model, keys);
                buffer(&model);
            }
        }
    }
}
