//! The examples in the help of each command.
//!
//! Invariant: every command has some, and each of them is a valid command line.

use std::fmt::Write as _;

use clap::Command;

/// What a command line does, and the line.
type Example = (&'static str, &'static str);

/// By command, without the name of the program.
const EXAMPLES: [(&str, &[Example]); 26] = [
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
                "In a CI job: a line per change, eight images at once",
                "transship run list.toml --headless --parallel 8",
            ),
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
                "The config of one platform, in a file of docker save",
                "transship inspect docker-archive:app.tar --config --platform linux/arm64",
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
    let mut help = section(examples);
    if let Some(after) = command.get_after_help() {
        // Fails for no string.
        let _ = write!(help, "\n\n{after}");
    }
    command.after_help(help)
}

fn section(examples: &[Example]) -> String {
    let lines = examples.iter().flat_map(|(does, line)| {
        let does = (!does.is_empty()).then(|| format!("  {does}:"));
        does.into_iter().chain([format!("    {line}")])
    });
    let lines: Vec<String> = ["Examples:".to_owned()].into_iter().chain(lines).collect();
    lines.join("\n")
}
