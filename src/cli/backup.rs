//! `munjigi backup`: a backup of the database with its keys and its audit checkpoint, while the server runs.

use std::{
    io::{IsTerminal, stdin},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::domain::audit::Actor;
use crate::services::audit_chain::checkpoint::file_in;
use crate::services::audit_chain::linking::link_pending;
use crate::services::backup::create::{Backup, BackupRequest, create, record};
use crate::services::backup::encryption::Encryption;
use crate::services::backup::error::BackupError;
use crate::services::backup::schedule::file_name;
use crate::services::bootstrap::audit_chain;
use crate::services::signing_keys::ring;

#[derive(Args)]
pub(super) struct Arguments {
    /// The file to write, or a directory for a file with the time in its name; nothing is replaced
    to: PathBuf,
    #[command(flatten)]
    protection: Protection,
    /// Back up even if the audit log fails its verification
    #[arg(long)]
    damaged_audit_log: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How the backup is encrypted.
#[derive(Args)]
#[group(multiple = false)]
struct Protection {
    /// Encrypt it to a public key of age (`age-keygen` makes a pair) [default: `backup.recipient`]
    #[arg(long, value_name = "AGE1")]
    recipient: Option<String>,
    /// Encrypt it with a passphrase, which is asked for twice
    #[arg(long)]
    passphrase: bool,
    /// Encrypt it with the passphrase in the first line of a file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Do not encrypt it: who can read the file can sign tokens
    #[arg(long)]
    unencrypted: bool,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> Result<ExitCode, CliError> {
    if let Database::Postgres(_) = config.database() {
        return Err(postgres(config));
    }
    let encryption = encryption(config, &arguments.protection)?;
    // Refused if there is no database, or keys that are not its own.
    let store = bootstrap::existing_store(config)?;
    let master_keys = load_keys::required_master_keys(config)?;
    ring::check_master_key(&store, &master_keys)
        .await
        .map_err(CliError::refused)?;
    let now = Clock::System.now();
    let to = if arguments.to.is_dir() {
        arguments.to.join(file_name(now, &encryption))
    } else {
        arguments.to
    };
    let request = BackupRequest {
        to,
        encryption: encryption.clone(),
        accepts_damaged_audit_log: arguments.damaged_audit_log,
    };
    let backup = create(config, &master_keys, request, now).await;
    let backup = backup.map_err(|error| match error {
        BackupError::AuditLog(_) => CliError::Refused(format!(
            "{error}; --damaged-audit-log backs it up nevertheless"
        )),
        error => CliError::refused(error),
    })?;
    let chain = audit_chain(config, &master_keys);
    let audit_context = chain
        .log()
        .audit_context(&Actor::operator(), Clock::System.now());
    record(&store, audit_context, &backup, &encryption).await?;
    // If it cannot be linked now, the server does it.
    let _ = link_pending(&store, &chain).await;
    print(config, &backup, &encryption, arguments.json)
}

/// Says how Postgres is backed up, and what else.
fn postgres(config: &Config) -> CliError {
    let key = match config.master_key_file() {
        Some(file) => format!("the master key ({})", file.display()),
        None => "the master key (server.master_key)".to_owned(),
    };
    let signing = if config.tokens.keys.is_empty() {
        ""
    } else {
        ", the files of tokens.keys"
    };
    CliError::Refused(format!(
        "the database ({}) is not backed up by this command, which is for SQLite. Use `pg_dump --format=custom`, or PITR, \
         and save apart from it {key}{signing} and the audit checkpoint ({}). After a restore run `munjigi restore --in-place`; \
         docs/backup.md has all steps",
        database_name(config),
        file_in(&config.server.data_dir).display()
    ))
}

fn encryption(config: &Config, protection: &Protection) -> Result<Encryption, CliError> {
    if protection.unencrypted {
        return Ok(Encryption::None);
    }
    if let Some(file) = &protection.passphrase_file {
        return Ok(Encryption::passphrase(passphrase_in(file)?));
    }
    if protection.passphrase {
        let passphrase = ask_passphrase("Passphrase: ")?;
        if ask_passphrase("Repeat: ")? != passphrase {
            return Err(CliError::Refused("the two passphrases differ".into()));
        }
        return Ok(Encryption::passphrase(passphrase));
    }
    let configured = config.backup.recipient.as_ref();
    match protection.recipient.as_ref().or(configured) {
        Some(recipient) => Encryption::recipient(recipient)
            .map_err(|error| CliError::Usage(format!("--recipient: {error}"))),
        None => Err(CliError::Usage(
            "say how to encrypt the backup, which has the keys in it: --recipient (or `backup.recipient`), --passphrase or \
             --passphrase-file; or --unencrypted"
                .into(),
        )),
    }
}

/// The passphrase in the first line of a file.
pub(super) fn passphrase_in(file: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        CliError::Refused(format!("{} cannot be read: {error}", file.display()))
    })?;
    let passphrase = text.lines().next().unwrap_or_default();
    if passphrase.is_empty() {
        return Err(CliError::Refused(format!(
            "{} has no passphrase in its first line",
            file.display()
        )));
    }
    Ok(passphrase.to_owned())
}

/// Asks for a passphrase on the terminal.
pub(super) fn ask_passphrase(prompt: &str) -> Result<String, CliError> {
    if !stdin().is_terminal() {
        return Err(CliError::Usage(
            "no terminal to read the passphrase from; use --passphrase-file".into(),
        ));
    }
    let passphrase = rpassword::prompt_password(prompt).map_err(CliError::refused)?;
    if passphrase.is_empty() {
        return Err(CliError::Refused("the passphrase is empty".into()));
    }
    Ok(passphrase)
}

fn print(
    config: &Config,
    backup: &Backup,
    encryption: &Encryption,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let how = match encryption {
        Encryption::Recipient(_) => "recipient",
        Encryption::Passphrase(_) => "passphrase",
        Encryption::None => "none",
    };
    if as_json {
        return output::json(&json!({
            "file": backup.path, "bytes": backup.size, "created_at": backup.created_at, "encryption": how,
            "audit_events": backup.events, "violations": backup.violations,
        }));
    }
    output::line(&format!(
        "{} was written ({}).",
        backup.path.display(),
        database_name(config)
    ))?;
    output::line(&format!("  size        {} bytes", backup.size))?;
    output::line(&format!("  encryption  {how}"))?;
    let audit_log = match backup.violations {
        0 => format!("intact (events: {})", backup.events),
        violations => format!("NOT intact (violations: {violations})"),
    };
    output::line(&format!("  audit log   {audit_log}"))
}
