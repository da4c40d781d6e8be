//! The examples in the help of each command.
//!
//! Invariant: every command has some, and each of them is a valid command line.

use std::fmt::Write as _;

use clap::{Command, builder::StyledStr};

/// What a command line does, and the line.
type Example = (&'static str, &'static str);

/// By command, without the name of the program.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            ("See it work, without any registry", "transship demo"),
            (
                "Check a list, then copy its images",
                "transship list check list.toml",
            ),
            ("", "transship run list.toml"),
            ("Continue what was stopped", "transship resume"),
            (
                "Compare all destinations with their sources",
                "transship verify list.toml",
            ),
        ],
    ),
    (
        "run",
        &[
            (
                "On the screen, if stdout is a terminal",
                "transship run list.toml",
            ),
            (
                "Again every quarter of an hour, until ctrl-c",
                "transship run list.toml --watch 15m",
            ),
            (
                "The plan first: images already there, bytes to copy",
                "transship run list.toml --review",
            ),
            (
                "Keep what the tags named before, for `transship rollback`",
                "transship run list.toml --rollback-file before-release-42.toml",
            ),
            (
                "In a CI job: a line per change, eight images at once",
                "transship run list.toml --headless --parallel 8",
            ),
            (
                "Only what a signature policy accepts",
                "transship run list.toml --policy /etc/containers/policy.json",
            ),
        ],
    ),
    (
        "plan",
        &[
            (
                "Images, tags that are replaced, bytes, and the time at 50 MB a second",
                "transship plan list.toml --speed 50MB",
            ),
            ("For a ticket", "transship plan list.toml --markdown"),
        ],
    ),
    (
        "copy",
        &[
            (
                "From one registry to another",
                "transship copy docker://quay.io/team/api:1.2 harbor.example.com/mirror/api:1.2",
            ),
            (
                "One platform, into a file that docker load reads",
                "transship copy nginx:1.27 docker-archive:nginx.tar:nginx:1.27 --platform linux/amd64",
            ),
            (
                "With the credentials and certificates of a list",
                "transship copy team/api:1.2 harbor.example.com/mirror/api:1.2 --as-in list.toml",
            ),
        ],
    ),
    (
        "doctor",
        &[
            (
                "Sources and destinations of a list",
                "transship doctor list.toml",
            ),
            (
                "Registries, without writing",
                "transship doctor quay.io harbor.example.com",
            ),
            (
                "Also pushes, below a project",
                "transship doctor harbor.example.com/mirror --push",
            ),
        ],
    ),
    (
        "resume",
        &[
            ("The newest batch", "transship resume"),
            (
                "A batch by part of its name, failed images too",
                "transship resume nginx --retry-failed",
            ),
        ],
    ),
    (
        "batches",
        &[
            ("Newest first", "transship batches"),
            ("For a script", "transship batches --json"),
        ],
    ),
    (
        "batches delete",
        &[
            (
                "One batch, by part of its name",
                "transship batches delete nginx",
            ),
            (
                "All that finished more than 30 days ago, without asking",
                "transship batches delete --older-than 30d --yes",
            ),
        ],
    ),
    (
        "report",
        &[
            (
                "The newest batch, as a page to send",
                "transship report --output report.html",
            ),
            (
                "A row for each image, of a batch by part of its name",
                "transship report nginx --format csv",
            ),
        ],
    ),
    (
        "list",
        &[(
            "Report every mistake at once",
            "transship list check list.toml",
        )],
    ),
    (
        "list check",
        &[
            (
                "Report every mistake at once",
                "transship list check list.toml",
            ),
            (
                "Refuse a list that runs commands",
                "transship list check list.toml --no-commands",
            ),
            (
                "For a program: mistakes with line and column",
                "transship list check list.toml --json",
            ),
        ],
    ),
    (
        "list from",
        &[
            (
                "A whole registry",
                "transship list from registry.example.com --to harbor.example.com/mirror -o list.toml",
            ),
            (
                "The three newest versions of each repository of a project",
                "transship list from harbor.example.com/team --latest 3 --to registry.example.com -o list.toml",
            ),
            (
                "Official images of Docker Hub, and their tags at each run",
                "transship list from docker.io/library --repo 'nginx*' --semver '>=1.25' --as-patterns",
            ),
        ],
    ),
    (
        "list schema",
        &[
            ("For an editor", "transship list schema"),
            ("Every key, for people", "transship list schema --markdown"),
        ],
    ),
    (
        "inspect",
        &[
            (
                "For a person",
                "transship inspect registry.example.com/team/api:1.2",
            ),
            (
                "For a script",
                "transship inspect registry.example.com/team/api:1.2 --json",
            ),
            (
                "For a script that reads what skopeo prints",
                "transship inspect docker://registry.example.com/team/api:1.2 --skopeo --no-tags",
            ),
            (
                "The config of one platform, in a file of docker save",
                "transship inspect docker-archive:app.tar --config --platform linux/arm64",
            ),
        ],
    ),
    (
        "repos",
        &[
            ("All of a registry", "transship repos registry.example.com"),
            (
                "A project, for a script",
                "transship repos harbor.example.com/team --json",
            ),
        ],
    ),
    (
        "tags",
        &[
            (
                "A tag per line",
                "transship tags registry.example.com/team/api",
            ),
            (
                "The images of an OCI layout, as a JSON array",
                "transship tags oci:estate --json",
            ),
        ],
    ),
    (
        "tag",
        &[(
            "Two more tags, without moving content",
            "transship tag harbor.example.com/team/api:1.4.2 1.4 latest",
        )],
    ),
    (
        "delete",
        &[
            (
                "What would be deleted, and which tags share it",
                "transship delete --dry-run harbor.example.com/team/api:1.4.2",
            ),
            (
                "Without asking",
                "transship delete --yes harbor.example.com/team/api:1.4.2",
            ),
        ],
    ),
    (
        "list convert",
        &[
            (
                "What another tool copies, as a list",
                "transship list convert skopeo-sync.yaml -o list.toml",
            ),
            (
                "References, one a line",
                "transship list convert images.txt --to harbor.example.com/mirror",
            ),
        ],
    ),
    (
        "rollback",
        &[
            (
                "What would change, and what would not",
                "transship rollback --dry-run before-release-42.toml",
            ),
            (
                "Put the tags back, without being asked",
                "transship rollback --yes before-release-42.toml",
            ),
        ],
    ),
    (
        "digest",
        &[
            (
                "An image, with one request",
                "transship digest registry.example.com/team/api:1.2",
            ),
            ("A manifest in a file", "transship digest manifest.json"),
        ],
    ),
    (
        "browse",
        &[
            (
                "A registry that lists its repositories",
                "transship browse registry.example.com",
            ),
            (
                "The images of a list, sources against destinations",
                "transship browse list.toml",
            ),
        ],
    ),
    (
        "login",
        &[
            (
                "Ask for the password",
                "transship login registry.example.com --username robot",
            ),
            (
                "Read it from a pipe",
                "transship login registry.example.com --username robot --password-stdin",
            ),
        ],
    ),
    (
        "logout",
        &[(
            "Forget the password",
            "transship logout registry.example.com",
        )],
    ),
    (
        "verify",
        &[
            ("Compare digests", "transship verify list.toml"),
            (
                "Compare every blob, too",
                "transship verify list.toml --deep",
            ),
            (
                "One image",
                "transship verify quay.io/team/api:1.2 harbor.example.com/mirror/api:1.2",
            ),
        ],
    ),
    (
        "skopeo",
        &[(
            "Whether skopeo can be run, and how",
            "transship skopeo check",
        )],
    ),
    (
        "skopeo check",
        &[
            (
                "The container and the program of this machine",
                "transship skopeo check",
            ),
            (
                "A container with another name",
                "transship skopeo check --name skopeo-ci",
            ),
        ],
    ),
    (
        "skopeo start",
        &[(
            "Start the container, or make it",
            "transship skopeo start --runtime podman",
        )],
    ),
    (
        "standalone-sign",
        &[
            (
                "With a key of the GnuPG keyring",
                "transship standalone-sign manifest.json registry.example.com/team/api:1.2 1D8230F6CDB6A06716E414C1DB72F2188BB46CC8 --output api.signature",
            ),
            (
                "With a key in a file, in a CI job",
                "transship standalone-sign manifest.json registry.example.com/team/api:1.2 1D8230F6CDB6A06716E414C1DB72F2188BB46CC8 --output api.signature --key secret.asc --passphrase-file passphrase",
            ),
        ],
    ),
    (
        "standalone-verify",
        &[(
            "With any of the keys in a file",
            "transship standalone-verify manifest.json registry.example.com/team/api:1.2 any api.signature --public-key-file keys.asc",
        )],
    ),
    (
        "serve",
        &[
            ("For this machine only", "transship serve --dir registry"),
            (
                "For other machines, with users and HTTPS",
                "transship serve --dir registry --listen 0.0.0.0:5000 --htpasswd users --tls-cert cert.pem --tls-key key.pem",
            ),
        ],
    ),
    (
        "demo",
        &[("Two registries in one process", "transship demo")],
    ),
    (
        "completions",
        &[
            ("In ~/.bashrc", "source <(transship completions bash)"),
            (
                "In ~/.zshrc, after compinit",
                "source <(transship completions zsh)",
            ),
            (
                "In ~/.config/fish/config.fish",
                "transship completions fish | source",
            ),
        ],
    ),
    (
        "man",
        &[(
            "Then `man -l man/transship-run.1` shows one",
            "transship man man",
        )],
    ),
];

/// Adds the examples to the help of a command and of all commands below it.
pub(super) fn add(command: Command) -> Command {
    add_to(command, "")
}

fn add_to(command: Command, path: &str) -> Command {
    let command = command.mut_subcommands(|below| {
        let path = format!("{path} {}", below.get_name());
        add_to(below, path.trim_start())
    });
    let Some((_, examples)) = EXAMPLES.iter().find(|(of, _)| *of == path) else {
        return command;
    };
    let with = |after: Option<&StyledStr>| {
        let mut help = section(examples);
        if let Some(after) = after {
            // Fails for no string.
            let _ = write!(help, "\n\n{after}");
        }
        help
    };
    let (short, long) = (
        with(command.get_after_help()),
        command.get_after_long_help().map(|after| with(Some(after))),
    );
    let command = command.after_help(short);
    match long {
        Some(long) => command.after_long_help(long),
        None => command,
    }
}

fn section(examples: &[Example]) -> String {
    let lines = examples.iter().flat_map(|(does, line)| {
        let does = (!does.is_empty()).then(|| format!("  {does}:"));
        does.into_iter().chain([format!("    {line}")])
    });
    let lines: Vec<String> = ["Examples:".to_owned()].into_iter().chain(lines).collect();
    lines.join("\n")
}
