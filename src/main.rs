//! The program: hands the command line over and exits with what comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    transship::cli::main()
}
