//! `munjigi completions` and `munjigi man`: the files that a package installs beside the program. They need no
//! configuration.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::error::CliError;
use crate::cli::output;

#[derive(Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Args)]
pub(super) struct ManArguments {
    /// Write the pages of all commands into this directory, which must exist
    #[arg(value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// Prints the completions of a shell.
pub(super) fn completions(
    mut command: Command,
    arguments: &CompletionsArguments,
) -> Result<ExitCode, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "munjigi", &mut text);
    output::line(String::from_utf8_lossy(&text).trim_end())
}

/// Prints the manual page of the program, or writes those of all commands.
pub(super) fn man(command: Command, arguments: &ManArguments) -> Result<ExitCode, CliError> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let Some(directory) = &arguments.directory else {
        let mut text = Vec::new();
        let written = Man::new(command).render(&mut text);
        written.map_err(CliError::refused)?;
        return output::line(String::from_utf8_lossy(&text).trim_end());
    };
    write_pages(&command, directory).map_err(|error| {
        let directory = directory.display();
        CliError::Refused(format!(
            "the manual pages cannot be written into {directory}: {error}"
        ))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Unlike the other files of the program, manual pages are readable by everyone.
fn write_pages(command: &Command, directory: &Path) -> io::Result<()> {
    for command in command.get_subcommands() {
        write_pages(command, directory)?;
    }
    let page = Man::new(command.clone());
    let path = directory.join(page.get_filename());
    let mut file = fs::File::create(path)?;
    page.render(&mut file)?;
    file.flush()?;
    file.set_permissions(Permissions::from_mode(0o644))
}
