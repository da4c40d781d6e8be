//! Damaged archives and places that cannot be used: the code, and a message that says what to do.

use std::fs;

use transship::oci::Transport;

use crate::{docker_archives::images::docker_save, embedded::Embedded, operator::Operator};

struct Refused<'a> {
    source: &'a str,
    destination: &'a str,
    /// What the message has: the side, the place, the cause, what to do.
    says: &'a [&'a str],
}

struct Room {
    registry: Embedded,
    operator: Operator,
}

impl Room {
    /// A registry and an archive `app.tar`.
    async fn new() -> Self {
        let room = Self {
            registry: Embedded::start().await,
            operator: Operator::new(),
        };
        docker_save(&room.operator.path("app.tar"), "localhost/app:1");
        room
    }

    /// `~` is the operator's directory, `%` the registry.
    fn at(&self, text: &str) -> String {
        let directory = self.operator.path("");
        let text = text.replace('~', directory.to_str().unwrap());
        text.replace('%', &self.registry.address())
    }

    async fn copy(&self, source: &str, destination: &str) {
        let [source, destination] = [source, destination].map(|text| self.at(text));
        let copied = self.operator.say(&["copy", &source, &destination]).await;
        copied.expect(0);
    }

    async fn refuses(&self, copy: Refused<'_>) {
        let [source, destination] = [copy.source, copy.destination].map(|text| self.at(text));
        let mut command =
            self.operator
                .command(&["copy", &source, &destination, "--quiet", "--attempts=1"]);
        command.env("DOCKER_HOST", self.at("unix://~nobody.sock"));
        let before = self.files();
        let ended = crate::operator::Ended::from(command.output().await.unwrap());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        for words in copy.says {
            let words = self.at(words);
            assert!(ended.stderr.contains(&words), "{words}: {}", ended.stderr);
        }
        assert_eq!(self.files(), before, "{source} to {destination}");
    }

    /// What is in the operator's directory, without the journal.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.operator.path("")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "state").collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn truncated_archives_say_where_they_end() {
    let room = Room::new().await;
    room.copy("docker-archive:~app.tar", "oci-archive:~layout.tar:app:1")
        .await;
    for (name, transport) in [
        ("app.tar", Transport::DockerArchive),
        ("layout.tar", Transport::OciArchive),
    ] {
        let path = room.operator.path(name);
        let whole = fs::read(&path).unwrap();
        for part in [0, whole.len() / 2, whole.len() - 1500] {
            fs::write(&path, &whole[..part]).unwrap();
            let source = format!("{}:~{name}", transport.name());
            room.refuses(Refused {
                source: &source,
                destination: "%/team/app:1",
                says: &["source failed to", name, "make it again"],
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_archive_is_not_printed() {
    let room = Room::new().await;
    fs::write(room.operator.path("noise.tar"), [200; 4096]).unwrap();
    for transport in ["docker-archive", "oci-archive"] {
        let source = format!("{transport}:~noise.tar");
        let problem = "it is not a complete tar archive";
        room.refuses(Refused {
            source: &source,
            destination: "%/team/app:1",
            says: &["source failed to", "noise.tar", problem, "make it again"],
        })
        .await;
    }
}

#[tokio::test]
async fn an_archive_of_docker_that_exists_is_not_changed() {
    let room = Room::new().await;
    let before = fs::read(room.operator.path("app.tar")).unwrap();
    room.copy("docker-archive:~app.tar", "%/team/app:1").await;
    room.refuses(Refused {
        source: "%/team/app:1",
        destination: "docker-archive:~app.tar:localhost/app:2",
        says: &[
            "destination failed to",
            "~app.tar",
            "it exists",
            "remove it, or name another file",
        ],
    })
    .await;
    assert!(fs::read(room.operator.path("app.tar")).unwrap() == before);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let room = Room::new().await;
    // Nobody can create anything there, also not root.
    for store in ["oci", "dir", "oci-archive", "docker-archive"] {
        let name = if store == "dir" {
            ""
        } else {
            ":localhost/app:2"
        };
        let destination = format!("{store}:/sys/transship{name}");
        room.refuses(Refused {
            source: "docker-archive:~app.tar",
            destination: &destination,
            says: &[
                "destination failed to",
                "/sys/transship",
                "ermi",
                "give this user the right",
            ],
        })
        .await;
    }
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_named() {
    let room = Room::new().await;
    room.refuses(Refused {
        source: "docker-daemon:localhost/app:1",
        destination: "%/team/app:1",
        says: &[
            "source failed to export an image from docker-daemon: ",
            "nobody.sock",
            "check that the daemon runs",
        ],
    })
    .await;
}
