//! A GnuPG home of its own, with keys that nobody has to type a passphrase for.

use std::{path::PathBuf, process::Command};

use crate::{installed, operator::Operator};

/// When keys are made that are expired now.
pub const LONG_AGO: &str = "--faked-system-time=20200101T000000!";

/// The GnuPG home of an operator, at its usual place.
pub struct Gnupg {
    gpg: PathBuf,
    pub home: PathBuf,
}

impl Gnupg {
    /// Nothing, with a printed line, when gpg is not installed.
    pub fn of(operator: &Operator) -> Option<Self> {
        let gpg = installed::program("gpg")?;
        let home = operator.path(".gnupg");
        std::fs::create_dir_all(&home).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&home, mode).unwrap();
        // Unlocking a key is made slow by design.
        std::fs::write(home.join("gpg-agent.conf"), "s2k-count 65536\n").unwrap();
        Some(Self { gpg, home })
    }

    /// What gpg writes to standard output.
    pub fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let ran = Command::new(&self.gpg)
            .env("GNUPGHOME", &self.home)
            .args(["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback"])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{arguments:?}: {said}");
        ran.stdout
    }

    /// Makes a key for signing and returns its fingerprint.
    pub fn make_key(&self, name: &str, algorithm: &str, options: &[&str]) -> String {
        let make = ["--quick-generate-key", name, algorithm, "sign"];
        let passphrase = ["--passphrase", ""];
        self.run(&[options, &passphrase, &make, &["2y"]].concat());
        self.fingerprints(name).remove(0)
    }

    /// The fingerprints of a key and of its subkeys.
    pub fn fingerprints(&self, name: &str) -> Vec<String> {
        let listed = self.run(&[
            "--with-colons",
            "--with-subkey-fingerprint",
            "--list-keys",
            name,
        ]);
        let listed = String::from_utf8(listed).unwrap();
        let lines = listed.lines().filter_map(|line| line.strip_prefix("fpr:"));
        let fingerprint = |line: &str| line.trim_matches(':').to_owned();
        lines.map(fingerprint).collect()
    }

    pub fn public_keys(&self, names: &[&str]) -> Vec<u8> {
        self.run(&[&["--armor", "--export"][..], names].concat())
    }

    /// Ends the agent of this home, which forgets passphrases.
    pub fn end_agent(&self) {
        let kill = Command::new("gpgconf")
            .env("GNUPGHOME", &self.home)
            .args(["--kill", "all"])
            .status();
        let _ = kill;
    }

    pub fn revoke(&self, fingerprint: &str) {
        let certificate = self
            .home
            .join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let text = std::fs::read_to_string(certificate).unwrap();
        let usable = self.home.join("revocation.asc");
        // The colon keeps people from using it by accident.
        std::fs::write(&usable, text.replace(":-----BEGIN", "-----BEGIN")).unwrap();
        self.run(&["--import", usable.to_str().unwrap()]);
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        self.end_agent();
    }
}
