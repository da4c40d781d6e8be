use super::*;

const LONG: Duration = Duration::from_secs(600);

async fn shell(script: &str, stdout: Stdout, deadline: Duration) -> Result<Ended, ProgramError> {
    let arguments = ["-c".to_owned(), script.to_owned()];
    let program = Program {
        name: "sh",
        arguments: &arguments,
        directory: None,
        input: "asked".into(),
        stdout,
        deadline,
    };
    program.run().await
}

#[tokio::test]
async fn a_program_gets_its_input_and_its_output_is_kept() {
    let ended = shell("cat; echo why >&2; exit 3", Stdout::Keep, LONG).await;
    let ended = ended.unwrap();
    assert_eq!(ended.text(), Some("asked"));
    assert_eq!(ended.stderr, b"why\n");
    assert_eq!(ended.status.code(), Some(3));
}

#[tokio::test]
async fn a_program_that_writes_without_end_is_killed() {
    let endless = shell("cat /dev/zero", Stdout::Keep, LONG).await;
    assert!(
        matches!(endless, Err(ProgramError::TooMuch(_))),
        "{endless:?}"
    );
    let endless = shell("cat /dev/zero >&2", Stdout::Discard, LONG).await;
    assert!(
        matches!(endless, Err(ProgramError::TooMuch(_))),
        "{endless:?}"
    );
}

#[tokio::test]
async fn the_end_of_a_long_standard_error_is_kept() {
    let script = "head -c 3000000 /dev/zero >&2; echo the cause >&2";
    let stderr = shell(script, Stdout::Discard, LONG).await.unwrap().stderr;
    assert_eq!(stderr.len(), STDERR_TAIL_BYTES);
    assert!(stderr.ends_with(b"the cause\n"));
    let long = shell("cat /dev/zero | head -c 1048576", Stdout::Keep, LONG).await;
    assert_eq!(long.unwrap().stdout.expose_secret().len(), MAX_STDOUT_BYTES);
}

/// A pipe whose reader sees the end once every process that has the writer is gone.
fn pipe(directory: &tempfile::TempDir) -> std::path::PathBuf {
    let path = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

#[tokio::test(start_paused = true)]
async fn child_processes_are_killed_with_their_program() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = pipe(&directory);
    // Opening a pipe waits for the other side, so both are alive once it is open.
    let script = format!("sleep 600 > {} & wait", pipe.display());
    let open = tokio::task::spawn_blocking(move || std::fs::File::open(pipe).unwrap());
    let slow = tokio::spawn(async move { shell(&script, Stdout::Discard, LONG).await });
    let mut open = open.await.unwrap();
    let slow = slow.await.unwrap();
    assert!(
        matches!(slow, Err(ProgramError::Deadline(LONG))),
        "{slow:?}"
    );
    let gone = tokio::task::spawn_blocking(move || io::copy(&mut open, &mut io::sink()));
    assert_eq!(gone.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_program_nobody_waits_for_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = pipe(&directory);
    let script = format!("sleep 600 > {} & wait", pipe.display());
    let open = tokio::task::spawn_blocking(move || std::fs::File::open(pipe).unwrap());
    let waiting = tokio::spawn(async move { shell(&script, Stdout::Discard, LONG).await });
    let mut open = open.await.unwrap();
    waiting.abort();
    let gone = tokio::task::spawn_blocking(move || io::copy(&mut open, &mut io::sink()));
    assert_eq!(gone.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn processes_that_a_program_leaves_behind_are_not_waited_for() {
    let left = shell("echo done; sleep 600 & echo $! >&2", Stdout::Keep, LONG).await;
    let left = left.unwrap();
    assert_eq!(left.text(), Some("done\n"));
    let process = String::from_utf8(left.stderr).unwrap();
    let killed = std::process::Command::new("kill")
        .arg(process.trim())
        .status();
    assert!(killed.unwrap().success(), "it was meant to stay");
}
