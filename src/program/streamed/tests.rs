use std::{io, time::Duration};

use super::*;

const LONG: Duration = Duration::from_secs(600);
const TERMINAL: OutputKind = OutputKind::Terminal {
    columns: 200,
    rows: 50,
};

struct Watched {
    ended: Result<ExitStatus, ProgramError>,
    stdout: String,
    stderr: String,
}

async fn shell(script: &str, output: OutputKind, deadline: Duration) -> Watched {
    let arguments = ["-c".to_owned(), script.to_owned()];
    let program = StreamedProgram {
        name: "sh",
        arguments: &arguments,
        output,
        max_bytes: 1024 * 1024,
        deadline,
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let ended = program
        .run(&mut |stream, bytes| match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        })
        .await;
    Watched {
        ended,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

#[tokio::test]
async fn both_streams_and_the_status_arrive() {
    for (output, line) in [(OutputKind::Pipe, "out\n"), (TERMINAL, "out\r\n")] {
        let watched = shell("echo out; echo err >&2; exit 3", output, LONG).await;
        assert_eq!(watched.stdout, line);
        assert_eq!(watched.stderr, "err\n");
        assert_eq!(watched.ended.unwrap().code(), Some(3));
    }
}

#[tokio::test]
async fn a_terminal_has_the_size_that_was_asked_for() {
    let script = "stty size; test -t 1 && test -t 0 && test ! -t 2 && echo $TERM";
    let watched = shell(script, TERMINAL, LONG).await;
    assert_eq!(watched.stdout, "50 200\r\nxterm\r\n", "{}", watched.stderr);
    let watched = shell("test ! -t 1 && echo pipe", OutputKind::Pipe, LONG).await;
    assert_eq!(watched.stdout, "pipe\n");
}

#[tokio::test]
async fn output_without_end_is_cut_off() {
    for output in [OutputKind::Pipe, TERMINAL] {
        let watched = shell("cat /dev/zero", output, LONG).await;
        let ended = watched.ended;
        assert!(matches!(ended, Err(ProgramError::TooMuch(_))), "{ended:?}");
        assert!(watched.stdout.len() <= 1024 * 1024);
    }
}

#[tokio::test]
async fn a_missing_program_cannot_be_run() {
    for output in [OutputKind::Pipe, TERMINAL] {
        let program = StreamedProgram {
            name: "/nonexistent/skopeo",
            arguments: &[],
            output,
            max_bytes: 1,
            deadline: LONG,
        };
        let error = program.run(&mut |_, _| ()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("No such file"), "{text}");
    }
}

/// A pipe whose reader sees the end once every process that has the writer is gone.
fn pipe(directory: &tempfile::TempDir) -> std::path::PathBuf {
    let path = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

#[tokio::test]
async fn a_dropped_future_kills_the_program_and_its_child_processes() {
    for output in [OutputKind::Pipe, TERMINAL] {
        let directory = tempfile::tempdir().unwrap();
        let pipe = pipe(&directory);
        // Opening a pipe waits for the other side, so both are alive once it is open.
        let script = format!("trap '' HUP; sleep 600 > {} & wait", pipe.display());
        let open = tokio::task::spawn_blocking(move || std::fs::File::open(pipe).unwrap());
        let running = tokio::spawn(async move { shell(&script, output, LONG).await });
        let mut open = open.await.unwrap();
        running.abort();
        let gone = tokio::task::spawn_blocking(move || io::copy(&mut open, &mut io::sink()));
        assert_eq!(gone.await.unwrap().unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_kills_them_too() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = pipe(&directory);
    let script = format!("sleep 600 > {} & wait", pipe.display());
    let open = tokio::task::spawn_blocking(move || std::fs::File::open(pipe).unwrap());
    let slow = tokio::spawn(async move { shell(&script, TERMINAL, LONG).await });
    let mut open = open.await.unwrap();
    let ended = slow.await.unwrap().ended;
    assert!(
        matches!(ended, Err(ProgramError::Deadline(LONG))),
        "{ended:?}"
    );
    let gone = tokio::task::spawn_blocking(move || io::copy(&mut open, &mut io::sink()));
    assert_eq!(gone.await.unwrap().unwrap(), 0);
}
