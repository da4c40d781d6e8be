//! Archives of which every image is recorded as copied, and that were not finished.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use transship::{batch::Event, serve::Action};

use crate::{
    fixture::Fixture,
    operator::{Ended, event},
};

const IMAGE: &str = "localhost/team/first:1";
/// The work directory and what it is packed into.
const LEFT: [&str; 2] = ["first.tar.partial", "first.tar.partial.tar"];

/// An archive whose name something else took while it was written.
struct Packed {
    fixture: Fixture,
    transport: &'static str,
    /// How many requests the source had.
    requests: usize,
}

impl Packed {
    async fn new(transport: &'static str) -> Self {
        let fixture = Fixture::new().await;
        let hanging = fixture.misbehave("team/first", Action::Hang);
        let source = format!("{}/team/first:1", fixture.source.address());
        let archive = fixture.operator.path("first.tar");
        let to = format!("{transport}:{}:{IMAGE}", archive.display());
        let copy = ["copy", &source, &to, "--json"];
        let mut process = fixture.operator.command(&copy).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut hanging = Some(hanging);
        let mut last = None;
        while let Some(line) = lines.next_line().await.unwrap() {
            let event = event(&line);
            if matches!(event, Event::JobPlanned { .. }) {
                fs::create_dir(&archive).unwrap();
                hanging.take().unwrap().release();
            }
            last = Some(event);
        }
        assert!(matches!(
            last,
            Some(Event::BatchFinished {
                stopped_by: Some(_)
            })
        ));
        assert_eq!(process.wait().await.unwrap().code(), Some(3));
        let packed = Self {
            requests: fixture.source.requests().len(),
            fixture,
            transport,
        };
        assert!(LEFT.iter().all(|name| packed.path(name).exists()));
        packed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.fixture.operator.path(name)
    }

    fn archive(&self) -> PathBuf {
        self.path("first.tar")
    }

    async fn resume(&self) -> Ended {
        self.fixture.operator.say(&["resume", "--headless"]).await
    }

    /// Resumes, which finishes the archive and copies nothing.
    async fn is_finished_by_resume(&self) {
        self.resume().await.expect(0);
        for name in LEFT {
            assert!(!self.path(name).exists(), "{name} was left");
        }
        assert_eq!(self.fixture.source.requests().len(), self.requests);
        let archive = format!("{}:{}", self.transport, self.archive().display());
        let listed = self.fixture.operator.say(&["tags", &archive]).await;
        assert_eq!(listed.expect(0).stdout.trim(), IMAGE);
        let inspected = self.fixture.operator.say(&["inspect", &archive]).await;
        inspected.expect(0);
    }
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn an_archive_whose_name_was_taken_is_finished_once_it_is_free() {
    for (transport, problem) in [
        ("docker-archive", "it exists"),
        ("oci-archive", "it is not a file"),
    ] {
        let packed = Packed::new(transport).await;
        let taken = packed.resume().await;
        let text = &taken.expect(2).stderr;
        assert!(text.contains("the destination failed to"), "{text}");
        assert!(text.contains(problem), "{text}");
        fs::remove_dir(packed.archive()).unwrap();
        packed.is_finished_by_resume().await;
        // Once more, there is nothing to do.
        packed.is_finished_by_resume().await;
    }
}

#[tokio::test]
async fn a_batch_killed_after_the_archive_got_its_name_is_finished() {
    // What a kill can leave, in the order of the steps.
    type Step = fn(&Path, &Path, &Path);
    let kills: [Step; 4] = [
        |tar, archive, _| fs::hard_link(tar, archive).unwrap(),
        // Where there are no links.
        |tar, archive, _| fs::rename(tar, archive).unwrap(),
        |tar, archive, work| {
            fs::rename(tar, archive).unwrap();
            remove(&work.join("images.json"));
        },
        |tar, archive, work| {
            fs::rename(tar, archive).unwrap();
            fs::remove_dir_all(work).unwrap();
        },
    ];
    for kill in kills {
        let packed = Packed::new("docker-archive").await;
        fs::remove_dir(packed.archive()).unwrap();
        let [work, tar] = LEFT.map(|name| packed.path(name));
        let whole = fs::read(&tar).unwrap();
        kill(&tar, &packed.archive(), &work);
        packed.is_finished_by_resume().await;
        assert!(fs::read(packed.archive()).unwrap() == whole);
    }
}
