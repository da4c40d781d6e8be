//! What shells offer after the script of `transship completions` was loaded.

use std::path::Path;

use tokio::process::Command;

use super::run;
use crate::{
    fixture::Fixture,
    installed,
    operator::{Ended, Operator},
};

/// What bash offers for the last of these words, which are typed in the operator's directory.
const BASH: &str = r#"
source <(transship completions bash) && complete -p transship || exit 1
COMP_WORDS=(transship "$@") COMP_CWORD=$# COMP_TYPE=9
_clap_complete_transship transship "${COMP_WORDS[$#]}" "${COMP_WORDS[$#-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// Loads the script into zsh.
const ZSH: &str = r#"
autoload -Uz compinit && compinit -D -u || exit 1
source <(transship completions zsh) || exit 1
echo $_comps[transship]
"#;

/// Runs a script in a shell that finds the program.
async fn script(operator: &Operator, shell: &Path, arguments: &[&str]) -> Ended {
    let program = Path::new(env!("CARGO_BIN_EXE_transship")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let directories = [program.to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    let mut command = Command::new(shell);
    let command = command
        .args(arguments)
        .env_clear()
        .envs(operator.environment())
        .env("PATH", std::env::join_paths(directories).unwrap())
        .current_dir(operator.path("."));
    command.output().await.unwrap().into()
}

/// The lines that bash offers.
async fn offered(operator: &Operator, bash: &Path, words: &[&str]) -> Vec<String> {
    let arguments = [&["--norc", "-c", BASH, "bash"], words].concat();
    let ended = script(operator, bash, &arguments).await;
    let mut lines = ended.expect(0).stdout.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .ends_with("-F _clap_complete_transship transship")
    );
    assert_eq!(ended.stderr, "");
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn bash_offers_commands_lists_and_batches() {
    let Some(bash) = installed::program("bash") else {
        return;
    };
    let fixture = Fixture::new().await;
    let operator = &fixture.operator;
    // Without a journal: no batch, no error, and no journal is made.
    assert!(
        offered(operator, &bash, &["resume", ""])
            .await
            .iter()
            .all(|word| word.starts_with('-'))
    );
    assert!(!operator.path("state").exists());
    run(&fixture, &[]).await.expect(0);
    std::fs::write(operator.path("notes.txt"), "no list").unwrap();
    let batches = operator.say(&["batches"]).await;
    let batch = batches.expect(0).stdout.split_whitespace().next().unwrap();

    assert_eq!(offered(operator, &bash, &["res"]).await, ["resume"]);
    let resume = offered(operator, &bash, &["resume", &batch[..4]]).await;
    assert_eq!(resume, [batch]);
    let run = offered(operator, &bash, &["run", ""]).await;
    assert!(run.contains(&"list.toml".to_owned()), "{run:?}");
    assert!(!run.contains(&"notes.txt".to_owned()), "{run:?}");
    let verify = offered(operator, &bash, &["verify", "l"]).await;
    assert_eq!(verify, ["list.toml"]);
    let verify = offered(operator, &bash, &["verify", batch]).await;
    assert_eq!(verify, [batch]);
    let progress = offered(operator, &bash, &["run", "--progress", "p"]).await;
    assert_eq!(progress, ["plain"]);
}

#[tokio::test]
async fn zsh_loads_the_script() {
    let Some(zsh) = installed::program("zsh") else {
        return;
    };
    let loaded = script(&Operator::new(), &zsh, &["-f", "-c", ZSH]).await;
    assert_eq!(
        loaded.expect(0).stdout.trim(),
        "_clap_dynamic_completer_transship"
    );
}

#[tokio::test]
async fn every_shell_gets_a_script_that_asks_this_program() {
    let operator = Operator::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = operator.say(&["completions", shell]).await;
        let text = &script.expect(0).stdout;
        assert!(text.contains("TRANSSHIP_COMPLETE"), "{text}");
    }
}
