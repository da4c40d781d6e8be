//! The commands of the program, and how its process starts and ends.
//!
//! Decides the names of commands; each has its options in a file of its own. Invariant: an error is printed once, as a
//! sentence.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{
    allocator, batches, browse, copy, delete, demo, digest, exit::Exit, inspect, list_command,
    list_source, login, logout, open_files, output, resume, run, serve, skopeo, tag, tags, verify,
};
use crate::{
    journal::JournalError,
    list::Mistakes,
    present,
    serve::{HtpasswdError, ServeError, TlsError},
};

/// Copies container images between registries and local stores in bulk, watched and steered by an operator.
#[derive(Parser)]
#[command(name = "transship", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Copy every image of a list.
    Run(run::RunArguments),
    /// Copy one image, from and to registries or stores of this machine.
    Copy(Box<copy::CopyArguments>),
    /// Continue a batch that was stopped, was killed or had failures.
    Resume(resume::ResumeArguments),
    /// List the batches of the journal, newest first, or delete some.
    Batches(batches::BatchesArguments),
    /// Check a list, convert one of another tool, or print the schema.
    #[command(subcommand)]
    List(list_command::ListCommand),
    /// Show what an image is: platforms, config, layers, history, referrers.
    Inspect(inspect::InspectArguments),
    /// List the tags of a repository.
    Tags(tags::TagsArguments),
    /// Give an image further tags in its repository, without moving content.
    Tag(tag::TagArguments),
    /// Delete images from registries and OCI layouts.
    Delete(delete::DeleteArguments),
    /// Print the digest of an image or a file.
    Digest(digest::DigestArguments),
    /// Explore registries: repositories, tags, images, source against destination.
    Browse(browse::BrowseArguments),
    /// Store a password for a registry where docker and podman store theirs.
    Login(login::LoginArguments),
    /// Remove the stored password for a registry.
    Logout(logout::LogoutArguments),
    /// Compare every image of a list or a batch with its source.
    Verify(verify::VerifyArguments),
    /// Check whether skopeo can be run, or start the container in which it runs.
    #[command(subcommand)]
    Skopeo(skopeo::SkopeoCommand),
    /// Serve a directory as a registry.
    Serve(serve::ServeArguments),
    /// Run a migration between two registries made for this demo.
    Demo(demo::DemoArguments),
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    allocator::return_large_buffers();
    open_files::raise_limit();
    // Exits with 2 on wrong arguments, with 0 on --help.
    let arguments = Arguments::parse();
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
            Exit::Usage.into()
        }
    }
}

async fn execute(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => run::run(arguments).await,
        Command::Copy(arguments) => copy::copy(*arguments).await,
        Command::Resume(arguments) => resume::resume(arguments).await,
        Command::Batches(arguments) => batches::batches(arguments).await,
        Command::List(command) => list_command::list(command),
        Command::Inspect(arguments) => inspect::inspect(arguments).await,
        Command::Tags(arguments) => tags::tags(arguments).await,
        Command::Tag(arguments) => tag::tag(arguments).await,
        Command::Delete(arguments) => delete::delete(arguments).await,
        Command::Digest(arguments) => digest::digest(arguments).await,
        Command::Browse(arguments) => browse::browse(arguments).await,
        Command::Login(arguments) => login::login(arguments).await,
        Command::Logout(arguments) => logout::logout(arguments).await,
        Command::Verify(arguments) => verify::verify(arguments).await,
        Command::Skopeo(command) => skopeo::skopeo(command).await,
        Command::Serve(arguments) => serve::serve(arguments).await,
        Command::Demo(arguments) => demo::demo(arguments).await,
    }
}

/// The error as a sentence. Errors of the layers fit after "failed to"; those made in `cli` are sentences.
fn sentence(error: &anyhow::Error) -> String {
    let outermost = error.chain().next();
    let of_a_layer = outermost.is_some_and(|error| {
        error.is::<JournalError>()
            || error.is::<ServeError>()
            || error.is::<HtpasswdError>()
            || error.is::<TlsError>()
    });
    let before = if of_a_layer { "failed to " } else { "" };
    present::sanitize(&format!("{before}{error:#}")).into_owned()
}
