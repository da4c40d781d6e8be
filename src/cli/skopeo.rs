//! `transship skopeo`: whether skopeo can be run, and the container in which it runs.
//!
//! Decides how the answer is printed. Invariant: `check` changes nothing.

use std::io::{self, Write};

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};

use super::{
    exit::Exit,
    output::{print, tell},
    skopeo_settings,
};
use crate::{
    batch::BatchResult,
    list::SkopeoSettings,
    skopeo::{self, MethodCheck, NoMethod, ServiceStart, Settings, Skopeo, Unusable},
};

#[derive(Subcommand)]
pub(super) enum SkopeoCommand {
    /// Try each method of running skopeo; exits with 0 if one works.
    Check(CheckArguments),
    /// Start the container in which skopeo runs, or make it with the directory SKOPEO_SHARED_DIR.
    Start(StartArguments),
}

#[derive(Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    container: ContainerArguments,
}

#[derive(Args)]
pub(super) struct StartArguments {
    /// The image of a container that is made.
    #[arg(long)]
    image: Option<String>,
    #[command(flatten)]
    container: ContainerArguments,
}

#[derive(Args)]
struct ContainerArguments {
    /// The name of the container.
    #[arg(long)]
    name: Option<String>,
    /// The program that runs the container; by default the first that has it.
    #[arg(long)]
    runtime: Option<Runtime>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Runtime {
    Docker,
    Podman,
}

pub(super) async fn skopeo(command: SkopeoCommand) -> anyhow::Result<Exit> {
    match command {
        SkopeoCommand::Check(arguments) => check(arguments).await,
        SkopeoCommand::Start(arguments) => start(arguments).await,
    }
}

async fn check(arguments: CheckArguments) -> anyhow::Result<Exit> {
    let checks = Skopeo::check(&arguments.container.settings()?).await;
    print(|output| checks.iter().try_for_each(|check| line(output, check)))?;
    let works = |check: &MethodCheck| matches!(check, MethodCheck::Works { .. });
    Ok(match checks.iter().any(works) {
        true => Exit::Good,
        false => Exit::Run(BatchResult::SomeFailed),
    })
}

fn line(output: &mut impl Write, check: &MethodCheck) -> io::Result<()> {
    match check {
        MethodCheck::Works { kind, description } => {
            writeln!(output, "{:<10} works: {description}", kind.word())
        }
        MethodCheck::Fails(unusable) => {
            let Unusable {
                kind,
                reason,
                remedy,
            } = unusable;
            writeln!(output, "{:<10} does not work: {reason}", kind.word())?;
            match remedy {
                Some(remedy) => writeln!(output, "{:<10} to mend it, run: {remedy}", ""),
                None => Ok(()),
            }
        }
    }
}

async fn start(arguments: StartArguments) -> anyhow::Result<Exit> {
    let StartArguments { image, container } = arguments;
    let mut settings = container.settings()?;
    if let Some(image) = image {
        settings.image = image;
    }
    let name = &settings.container;
    match skopeo::start_service(&settings).await {
        Ok(ServiceStart::Running { runtime }) => {
            tell(format_args!(
                "the container {name} of {runtime} runs already"
            ));
        }
        Ok(ServiceStart::Started { runtime }) => {
            tell(format_args!("started the container {name} of {runtime}"));
        }
        Ok(ServiceStart::Created { runtime, shared }) => {
            let (host, inside) = (shared.host.display(), &shared.inside);
            tell(format_args!(
                "made the container {name} with {runtime}; it shares {host} as {inside}"
            ));
        }
        Err(none) => bail!(cannot_start(name, &none)),
    }
    Ok(Exit::Good)
}

fn cannot_start(name: &str, none: &NoMethod) -> String {
    let reasons = none.methods.iter().map(|method| match &method.remedy {
        Some(remedy) => format!("{} (to mend it, run: {remedy})", method.reason),
        None => method.reason.clone(),
    });
    let reasons: Vec<String> = reasons.collect();
    format!(
        "the container {name} was not started: {}",
        reasons.join("; ")
    )
}

impl ContainerArguments {
    /// The settings of the configuration file, with these arguments.
    fn settings(self) -> anyhow::Result<Settings> {
        let mut settings = skopeo_settings::read(SkopeoSettings::default())?;
        if let Some(name) = self.name {
            settings.container = name;
        }
        if let Some(runtime) = self.runtime {
            settings.runtime = Some(match runtime {
                Runtime::Docker => skopeo::Runtime::Docker,
                Runtime::Podman => skopeo::Runtime::Podman,
            });
        }
        Ok(settings)
    }
}
