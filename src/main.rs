//! The binary: calls the command line, prints its error, sets the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    munjigi::cli::run()
}
