//! The commands of the program, and how its process starts and ends.
//!
//! Decides the names of commands; each has its options in a file of its own. Invariant: an error is printed once, as a
//! sentence.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::{
    allocator, batches, browse, completions, copy, delete, demo, digest, doctor,
    error_sentence::sentence,
    examples,
    exit::{self, Exit},
    inspect, list_command, list_source, login, logout, man, open_files, output, plan,
    read_error::ReadError,
    report, repos, resume, rollback, run,
    run_arguments::RunArguments,
    serve, skopeo, standalone_sign, standalone_verify, tag, tags, verify,
};
use crate::list::Mistakes;

/// Copies container images between registries and local stores in bulk, watched and steered by an operator.
#[derive(Parser)]
#[command(name = "transship", version = env!("TRANSSHIP_VERSION"), max_term_width = 100, after_help = exit::CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Copy every image of a list.
    ///
    /// `sync` is another name for this command. It takes a list, not the arguments of `skopeo sync`.
    #[command(visible_alias = "sync")]
    Run(RunArguments),
    /// Show what copying a list would do, and copy nothing.
    Plan(plan::PlanArguments),
    /// Copy one image, from and to registries or stores of this machine.
    Copy(Box<copy::CopyArguments>),
    /// Continue a batch that was stopped, was killed or had failures.
    Resume(resume::ResumeArguments),
    /// List the batches of the journal, newest first, or delete some.
    Batches(batches::BatchesArguments),
    /// Write what a batch did: totals, times, failures, every image; as HTML, Markdown, CSV or JSON.
    Report(report::ReportArguments),
    /// Check a list, write one of what a registry has, convert one of another tool, or print the schema.
    #[command(subcommand)]
    List(list_command::ListCommand),
    /// Show what an image is: platforms, config, layers, history, referrers.
    Inspect(inspect::InspectArguments),
    /// List the tags of a repository.
    ///
    /// `list-tags`, the name in skopeo, is another name for this command. It prints a tag per line, or with --json an
    /// array.
    #[command(visible_alias = "list-tags")]
    Tags(tags::TagsArguments),
    /// List the repositories of a registry.
    Repos(repos::ReposArguments),
    /// Give an image further tags in its repository, without moving content.
    Tag(tag::TagArguments),
    /// Delete images from registries and OCI layouts.
    Delete(delete::DeleteArguments),
    /// Put tags back to what they named before a batch with --rollback-file.
    Rollback(rollback::RollbackArguments),
    /// Print the digest of an image or a file.
    ///
    /// `manifest-digest`, the name in skopeo, is another name for this command.
    #[command(visible_alias = "manifest-digest")]
    Digest(digest::DigestArguments),
    /// Explore registries: repositories, tags, images, source against destination.
    Browse(browse::BrowseArguments),
    /// Store a password for a registry where docker and podman store theirs.
    Login(login::LoginArguments),
    /// Remove the stored password for a registry.
    Logout(logout::LogoutArguments),
    /// Examine registries: what works there, and what has to be changed first.
    Doctor(doctor::DoctorArguments),
    /// Compare every image of a list or a batch with its source.
    Verify(verify::VerifyArguments),
    /// Check whether skopeo can be run, or start the container in which it runs.
    #[command(subcommand)]
    Skopeo(skopeo::SkopeoCommand),
    /// Sign a manifest in a file with an OpenPGP key, as skopeo does.
    StandaloneSign(standalone_sign::SignArguments),
    /// Verify the signature of a manifest in a file, as skopeo does.
    StandaloneVerify(standalone_verify::VerifyArguments),
    /// Serve a directory as a registry.
    Serve(serve::ServeArguments),
    /// Run a migration between two registries made for this demo.
    Demo(demo::DemoArguments),
    /// Print the script that completes commands, options, lists and batches in a shell.
    Completions(completions::CompletionsArguments),
    /// Write manual pages into a directory, one for each command.
    Man(man::ManArguments),
}

/// The definition of the command line.
fn definition() -> clap::Command {
    examples::add(Arguments::command())
}

/// The arguments of the process. Exits with 2 if they are wrong, and with 0 after --help.
fn parse() -> Arguments {
    let mut matches = definition().get_matches();
    Arguments::from_arg_matches_mut(&mut matches)
        .unwrap_or_else(|error| error.format(&mut definition()).exit())
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    allocator::return_large_buffers();
    completions::answer(definition);
    open_files::raise_limit();
    let arguments = parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output::tell(format_args!("transship: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(execute(arguments.command));
    // A thread that reads the terminal may still block; do not wait for it.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            if let Some(mistakes) = error.downcast_ref::<Mistakes>() {
                return list_source::report(mistakes).into();
            }
            output::tell(format_args!("transship: {}", sentence(&error)));
            let unread = error.downcast_ref::<ReadError>();
            unread
                .map_or(Exit::Usage, |error| Exit::Unread(error.why))
                .into()
        }
    }
}

async fn execute(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => run::run(arguments).await,
        Command::Plan(arguments) => plan::plan(arguments).await,
        Command::Copy(arguments) => copy::copy(*arguments).await,
        Command::Resume(arguments) => resume::resume(arguments).await,
        Command::Batches(arguments) => batches::batches(arguments).await,
        Command::Report(arguments) => report::report(arguments).await,
        Command::List(command) => list_command::list(command).await,
        Command::Inspect(arguments) => inspect::inspect(arguments).await,
        Command::Tags(arguments) => tags::tags(arguments).await,
        Command::Repos(arguments) => repos::repos(arguments).await,
        Command::Tag(arguments) => tag::tag(arguments).await,
        Command::Delete(arguments) => delete::delete(arguments).await,
        Command::Rollback(arguments) => rollback::rollback(arguments).await,
        Command::Digest(arguments) => digest::digest(arguments).await,
        Command::Browse(arguments) => browse::browse(arguments).await,
        Command::Login(arguments) => login::login(arguments).await,
        Command::Logout(arguments) => logout::logout(arguments).await,
        Command::Doctor(arguments) => doctor::doctor(arguments).await,
        Command::Verify(arguments) => verify::verify(arguments).await,
        Command::Skopeo(command) => skopeo::skopeo(command).await,
        Command::StandaloneSign(arguments) => standalone_sign::sign(arguments).await,
        Command::StandaloneVerify(arguments) => standalone_verify::verify(arguments).await,
        Command::Serve(arguments) => serve::serve(arguments).await,
        Command::Demo(arguments) => demo::demo(arguments).await,
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Man(arguments) => man::man(&arguments, definition()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command with its words after the name of the program.
    fn commands(command: &clap::Command, path: &[&str], found: &mut Vec<(Vec<String>, String)>) {
        let help = command.get_after_help().map(ToString::to_string);
        let words = path.iter().map(ToString::to_string).collect();
        found.push((words, help.unwrap_or_default()));
        for below in command.get_subcommands() {
            commands(below, &[path, &[below.get_name()]].concat(), found);
        }
    }

    /// The words of this program in a shell's line, if it has some.
    fn arguments(line: &str) -> Option<Vec<String>> {
        let line = line.strip_prefix("    ")?;
        let substituted = line
            .strip_prefix("source <(")
            .and_then(|rest| rest.strip_suffix(')'));
        let line = substituted.unwrap_or(line);
        let (line, _) = line.split_once(" | ").unwrap_or((line, ""));
        Some(shell_words::split(line).unwrap())
    }

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_command_has_examples_and_each_is_a_valid_line_of_it() {
        let mut found = Vec::new();
        commands(&definition(), &[], &mut found);
        assert!(found.len() > 20, "commands are no longer found: {found:?}");
        for (command, help) in found {
            let lines: Vec<Vec<String>> = help.lines().filter_map(arguments).collect();
            assert!(!lines.is_empty(), "{command:?} has no example");
            for words in lines {
                assert_eq!(words[0], "transship");
                assert_eq!(words[1..][..command.len()], command, "{words:?}");
                let parsed = definition()
                    .try_get_matches_from(&words)
                    .and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches));
                if let Err(error) = parsed {
                    panic!("{words:?}: {error}");
                }
            }
        }
    }

    /// The words of this program in a line of a document.
    fn documented(line: &str) -> Option<Vec<String>> {
        let at = line.find("transship ")?;
        let is_command = line[..at].ends_with([' ', '(']) || at == 0;
        let line = match line.starts_with("source <(") {
            true => line[at..].trim_end_matches(')'),
            false => &line[at..],
        };
        let end = [" #", " | ", " < ", " > "]
            .iter()
            .filter_map(|end| line.find(end));
        let line = &line[..end.min().unwrap_or(line.len())];
        is_command.then(|| shell_words::split(line).unwrap())
    }

    #[test]
    fn every_line_of_the_documents_is_a_valid_one() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let assets = std::fs::read_dir(root.join("assets")).unwrap();
        let assets = assets.map(|entry| entry.unwrap().path());
        let documents = assets.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
        let mut lines = 0;
        for path in documents.chain([root.join("README.md")]) {
            let text = std::fs::read_to_string(&path).unwrap();
            let blocks = text.split("```").skip(1).step_by(2);
            let blocks = blocks
                .filter_map(|block| block.strip_prefix("sh\n").or(block.strip_prefix("yaml\n")));
            for words in blocks.flat_map(str::lines).filter_map(documented) {
                let parsed = definition()
                    .try_get_matches_from(&words)
                    .and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches));
                if let Err(error) = parsed {
                    panic!("{}: {words:?}: {error}", path.display());
                }
                lines += 1;
            }
        }
        assert!(lines > 40, "lines are no longer found: {lines}");
    }
}
