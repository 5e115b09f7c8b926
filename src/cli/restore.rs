//! `munjigi restore`: puts a backup in place of a database that is lost, or marks a copy that was put back by hand.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use crate::cli::backup::{ask_passphrase, passphrase_in};
use crate::cli::database::{connect, create_private_directory, database_name, target};
use crate::cli::error::CliError;
use crate::cli::restore_report::Restored;
use crate::cli::{bootstrap, load_keys};
use crate::clock::Timestamp;
use crate::config::{Config, Database};
use crate::domain::audit::Actor;
use crate::services::Services;
use crate::services::audit_chain::checkpoint::{Checkpoint, file_in};
use crate::services::audit_chain::report::{ChainReport, Violation, ViolationKind};
use crate::services::audit_chain::restart;
use crate::services::audit_chain::verify::verify;
use crate::services::backup::archive::{Contents, DATABASE, sync_directory_of, unpack};
use crate::services::backup::create::check_structure;
use crate::services::backup::encryption::{DecryptionKey, Protection, protection};
use crate::services::backup::error::BackupError;
use crate::services::backup::keys::{self, BackupKey};
use crate::services::backup::restored::{Origin, settle};
use crate::services::backup::workspace::Workspace;
use crate::services::bootstrap::audit_chain;
use crate::store::audit_chain_links::find_chain;
use crate::store::engine::file_access::with_suffix;
use crate::store::engine::{migrations, snapshot};

#[derive(Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(super) struct Arguments {
    /// The backup
    #[arg(required_unless_present = "in_place")]
    from: Option<PathBuf>,
    /// Mark a copy of the database that was put back by hand or with the tools of Postgres
    ///
    /// The server does not start over a copy that is older than its audit checkpoint, until this is run.
    #[arg(long, conflicts_with_all = ["from", "identity", "passphrase_file"])]
    in_place: bool,
    /// The private key of age that opens the backup, as `age-keygen` writes it
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    identity: Option<PathBuf>,
    /// The passphrase that opens the backup is in the first line of this file [default: it is asked for]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Keep the sessions of the copy: those that have ended since then are live again, and used refresh tokens work once more;
    /// refresh tokens that were issued since then are refused
    #[arg(long)]
    keep_sessions: bool,
    /// Restore even if the audit log fails its verification
    #[arg(long)]
    damaged_audit_log: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode, CliError> {
    let restored = match &arguments.from {
        Some(from) => from_backup(config, from, arguments).await?,
        None => Box::pin(in_place(config.clone(), arguments)).await?,
    };
    restored.print(config, arguments.json)
}

async fn from_backup(
    config: &Config,
    from: &Path,
    arguments: &Arguments,
) -> Result<Restored, CliError> {
    let database = free_place(config)?;
    let key = decryption_key(from, arguments)?;
    if let Some(directory) = database.parent() {
        create_private_directory(directory)?;
    }
    let workspace = Workspace::beside(&database).map_err(CliError::refused)?;
    let contents = unpack(from, key.as_ref(), workspace.path()).map_err(CliError::refused)?;
    let missing = keys::missing(config, &contents.keys).map_err(CliError::refused)?;
    let mut copy = keys::config_with(config, workspace.path(), &contents.keys);
    copy.database.url = Some(Database::Sqlite(workspace.path().join(DATABASE)));
    copy.server.data_dir = workspace.path().to_owned();
    check_structure(&target(&copy)).map_err(CliError::refused)?;
    let migrations = migrations::migrate(&mut connect(&copy, false)?).map_err(CliError::refused)?;
    let known = Checkpoint::read(&file_in(&config.server.data_dir));
    let proof = prove(&copy, known).await?;
    proof.check(arguments)?;
    let services = load_keys::open(copy.clone()).await?;
    let origin = Origin {
        backup_of: Some(contents.created_at),
        ..proof.origin()
    };
    let settled = settle(&services, &origin, arguments.keep_sessions).await?;
    bootstrap::link_events(&services).await;
    drop(services);
    put_in_place(config, &copy, &database, &missing)?;
    Ok(Restored {
        backup: Some(from.to_owned()),
        contents: Some(version_and_time(&contents)),
        origin,
        settled,
        events: proof.report.linked,
        migrations,
        keys: missing.into_iter().map(|(path, _)| path).collect(),
    })
}

fn version_and_time(contents: &Contents) -> (String, Timestamp) {
    (contents.version.clone(), contents.created_at)
}

/// The path of the database, where there must be none.
fn free_place(config: &Config) -> Result<PathBuf, CliError> {
    let Database::Sqlite(path) = config.database() else {
        return Err(CliError::Refused(format!(
            "the database ({}) is not SQLite: restore it with `pg_restore` or PITR, then run `munjigi restore --in-place`; \
             docs/backup.md has all steps",
            database_name(config)
        )));
    };
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let file = with_suffix(&path, suffix);
        if file.exists() {
            return Err(CliError::Refused(format!(
                "there is a database already: {} exists. Nothing is replaced; stop the server and move it away first",
                file.display()
            )));
        }
    }
    Ok(path)
}

fn decryption_key(from: &Path, arguments: &Arguments) -> Result<Option<DecryptionKey>, CliError> {
    let identity = arguments.identity.as_deref();
    match (protection(from).map_err(CliError::refused)?, identity) {
        (Protection::None, _) => Ok(None),
        (Protection::Recipient, Some(file)) => {
            let key = DecryptionKey::from_identity_file(file).map_err(CliError::refused)?;
            Ok(Some(key))
        }
        (Protection::Recipient, None) => Err(CliError::Usage(format!(
            "{} is encrypted to a recipient: give the file of its private key with --identity",
            from.display()
        ))),
        (Protection::Passphrase, _) => {
            let passphrase = match &arguments.passphrase_file {
                Some(file) => passphrase_in(file)?,
                None => ask_passphrase("Passphrase: ")?,
            };
            Ok(Some(DecryptionKey::passphrase(passphrase)))
        }
    }
}

/// What the verification of the audit log of a copy found.
struct Proof {
    report: ChainReport,
    /// The last link that was known on this machine, if the copy ends before it.
    missing_link: Option<Checkpoint>,
    /// How many violations there are, apart from the missing end.
    violations: u64,
}

impl Proof {
    /// Refuses a damaged audit log, unless it is accepted.
    fn check(&self, arguments: &Arguments) -> Result<(), CliError> {
        if self.violations == 0 || arguments.damaged_audit_log {
            return Ok(());
        }
        Err(CliError::Refused(format!(
            "{}; --damaged-audit-log restores it nevertheless",
            BackupError::AuditLog(self.violations)
        )))
    }

    fn origin(&self) -> Origin {
        let link = |checkpoint: &Checkpoint| checkpoint.to_string();
        Origin {
            backup_of: None,
            last_link: self
                .report
                .checkpoint
                .as_ref()
                .map(link)
                .unwrap_or_default(),
            missing_link: self.missing_link.as_ref().map(link),
            violations: self.violations,
        }
    }
}

/// Verifies the audit log of a copy. `known` is the last link that is known on this machine; the copy may end before it.
async fn prove(copy: &Config, known: Option<Checkpoint>) -> Result<Proof, CliError> {
    let store = bootstrap::read_only_store(copy)?;
    let master_keys = load_keys::required_master_keys(copy)?;
    let ends = store.read(find_chain).await.map_err(CliError::refused)?;
    let end = ends.map_or(0, |ends| ends.last_position);
    let (missing_link, within) = match known {
        Some(known) if known.position > end => (Some(known), None),
        known => (None, known),
    };
    let report = verify(&store, &audit_chain(copy, &master_keys), within, |_| ()).await?;
    Ok(Proof {
        violations: report.violation_count,
        report,
        missing_link,
    })
}

/// Puts the prepared copy in place: the keys first, the database, then the audit checkpoint. If it is interrupted, it can be
/// repeated, or the server asks for a decision.
fn put_in_place(
    config: &Config,
    copy: &Config,
    database: &Path,
    missing: &[(PathBuf, BackupKey)],
) -> Result<(), CliError> {
    let finished = copy.server.data_dir.join("restored.db");
    let failed = |error: std::io::Error| {
        CliError::Refused(format!("{} cannot be written: {error}", database.display()))
    };
    // A copy is one file, without a write-ahead log.
    snapshot::copy(&mut connect(copy, false)?, &finished).map_err(CliError::refused)?;
    File::open(&finished)
        .and_then(|file| file.sync_all())
        .map_err(failed)?;
    for (path, key) in missing {
        if let Some(directory) = path.parent() {
            create_private_directory(directory)?;
        }
        keys::write(path, key).map_err(CliError::refused)?;
    }
    free_place(config)?;
    fs::rename(&finished, database)
        .and_then(|()| sync_directory_of(database))
        .map_err(failed)?;
    let Some(checkpoint) = Checkpoint::read(&file_in(&copy.server.data_dir)) else {
        return Ok(());
    };
    create_private_directory(&config.server.data_dir)?;
    let file = file_in(&config.server.data_dir);
    checkpoint.write(&file).map_err(|error| {
        CliError::Refused(format!("{} cannot be written: {error}", file.display()))
    })
}

/// Marks the database that is in place.
async fn in_place(config: Config, arguments: &Arguments) -> Result<Restored, CliError> {
    let known = Checkpoint::read(&file_in(&config.server.data_dir));
    let mut proof = prove(&config, None).await?;
    let is_old = |found: &&Violation| found.kind == ViolationKind::CheckpointMismatch;
    let mismatches = proof.report.violations.iter().filter(is_old).count() as u64;
    if mismatches > 0 {
        // This is why the copy is marked; everything else is damage.
        proof.violations = proof.violations.saturating_sub(mismatches);
        proof.missing_link = known;
    }
    proof.check(arguments)?;
    let services = load_keys::open(config).await?;
    let origin = proof.origin();
    let settled = settle(&services, &origin, arguments.keep_sessions).await?;
    start_chain_again(&services, &origin).await?;
    bootstrap::link_events(&services).await;
    Ok(Restored {
        backup: None,
        contents: None,
        origin,
        settled,
        events: proof.report.linked,
        migrations: Vec::new(),
        keys: Vec::new(),
    })
}

/// Starts the audit chain again over the events of the copy: other instances have checkpoints of their own, which may be
/// behind its end, and accept only a chain that was started again.
async fn start_chain_again(services: &Services, origin: &Origin) -> Result<(), CliError> {
    let missing = origin.missing_link.as_deref().unwrap_or("none");
    let reason = format!(
        "a copy of the database was put back; its last link: {}; the last known link that it lacks: {missing}",
        origin.last_link
    );
    let audit_context = services.audit_context(&Actor::operator());
    Ok(restart::restart(
        &services.store,
        &services.audit_chain,
        audit_context,
        reason,
    )
    .await?)
}
