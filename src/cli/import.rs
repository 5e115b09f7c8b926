//! `munjigi import`: accounts and tokens of a Django site, or accounts of a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::error::CliError;
use crate::cli::import_output::Output;
use crate::cli::{bootstrap, database, load_keys, output};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::domain::account::Role;
use crate::domain::audit::Actor;
use crate::domain::principal::UserType;
use crate::services::Services;
use crate::services::import::django::Site;
use crate::services::import::error::ImportError;
use crate::services::import::file::AccountFile;
use crate::services::import::mapping::MappingRules;
use crate::services::import::report::Report;
use crate::services::import::roles::RoleRules;
use crate::services::import::run::{Mode, Source, run};
use crate::store::Target;

/// The exit codes of these verbs.
const EXIT_CODES: &str = "Exit codes: 0 everything is imported, 1 it is done and something was left out or refused, or --strict \
    refused it, 2 it could not run";

/// The greatest length of the name of a source.
const MAX_SOURCE: usize = 100;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Import users, clients and refresh tokens from the database of a Django site with SimpleJWT
    ///
    /// The database of the site is only read, in one snapshot. Numbers, password hashes and refresh tokens stay as they are. The
    /// import can be repeated: what the site has changed since is changed here, unless it was changed here as well. Ctrl-C stops
    /// it; the next run continues.
    #[command(after_help = EXIT_CODES)]
    Django(Django),
    /// Import accounts from a file: JSON lines (.jsonl) or CSV (.csv)
    ///
    /// Fields: `type` (user or client), `user_seq`, `external_id`, `email`, `username`, `name`, `phone`, `role`, `is_active`,
    /// `password_hash`, `last_login_at`, `created_at`, `claims`. `munjigi export users` writes such a file.
    #[command(after_help = EXIT_CODES)]
    Users(Users),
}

#[derive(Args)]
pub(super) struct Django {
    /// The database of the site: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(long, value_name = "URL")]
    from: Database,
    /// The table of the users [default: found]
    #[arg(long, value_name = "TABLE")]
    users: Option<String>,
    /// The table of a second user model, imported as clients
    #[arg(long, value_name = "TABLE")]
    clients: Option<String>,
    /// The column of a field, such as `user.email=mail_addr`; an empty column leaves the field out
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    /// A TOML file with `users`, `clients`, `[user]`, `[client]` and `[roles]`
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
pub(super) struct Users {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The type of accounts without the field `type`: user or client
    #[arg(long = "type", value_name = "TYPE", default_value = "user", value_parser = user_type)]
    user_type: UserType,
    /// The name of the source, by which its accounts are known again [default: the name of the file without its ending]
    #[arg(long, value_name = "NAME", value_parser = source_name)]
    source: Option<String>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
pub(super) struct Options {
    /// The role for a word of the source: superuser, staff, or a word of its role column
    #[arg(long, value_name = "WORD=ROLE")]
    role: Vec<String>,
    /// The role of all other users [default: staff, or the role with the fewest rights]
    #[arg(long, value_name = "ROLE")]
    default_role: Option<String>,
    /// Say what would be done, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Import nothing if anything would be left out or refused
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A user type as an argument.
pub(super) fn user_type(word: &str) -> Result<UserType, String> {
    UserType::from_word(word).ok_or_else(|| "must be user or client".to_owned())
}

/// The name of a source as an argument.
fn source_name(name: &str) -> Result<String, String> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > MAX_SOURCE || name.chars().any(char::is_control) {
        return Err(format!("must be a text of 1 to {MAX_SOURCE} characters"));
    }
    Ok(name.trim().to_owned())
}

pub(super) async fn run_verb(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    let result = match verb {
        Verb::Django(arguments) => Box::pin(import_site(config, arguments)).await,
        Verb::Users(arguments) => Box::pin(import_file(config, arguments)).await,
    };
    // Exit code 1 means that it has run.
    result.map_err(|error| CliError::Usage(error.to_string()))
}

async fn import_site(config: Config, arguments: Django) -> Result<ExitCode, CliError> {
    let options = &arguments.options;
    let site = opened(open_site(&config, &arguments), options)?;
    let output = Output::new(
        options.json,
        config.roles.clone().into(),
        Some(site.tables()),
    )?;
    let name = arguments.from.to_string();
    import(config, options, site, name, output).await
}

fn open_site(config: &Config, arguments: &Django) -> Result<Site, CliError> {
    let mut mapping = match &arguments.mapping {
        Some(file) => read_mapping(file)?,
        None => MappingRules::default(),
    };
    mapping.users = arguments.users.clone().or(mapping.users);
    mapping.clients = arguments.clients.clone().or(mapping.clients);
    for column in &arguments.map {
        mapping
            .add_column(column)
            .map_err(|error| CliError::Usage(format!("--map {error}")))?;
    }
    let roles = role_rules(config, &mapping.roles, &arguments.options)?;
    let target = target(&arguments.from, config);
    let names = config.simplejwt.clone();
    let site = Site::open(&target, &mapping, roles, names, Clock::System.now());
    site.map_err(|error| CliError::Usage(explained(&error, &arguments.from.to_string())))
}

async fn import_file(config: Config, arguments: Users) -> Result<ExitCode, CliError> {
    let options = &arguments.options;
    let file = opened(open_file(&config, &arguments), options)?;
    let output = Output::new(options.json, config.roles.clone().into(), None)?;
    let name = arguments.file.display().to_string();
    import(config, options, file, name, output).await
}

fn open_file(config: &Config, arguments: &Users) -> Result<AccountFile, CliError> {
    let roles = role_rules(config, &BTreeMap::new(), &arguments.options)?;
    let source = arguments.source.as_deref();
    let file = AccountFile::open(&arguments.file, source, arguments.user_type, roles);
    file.map_err(CliError::refused)
}

/// Prints the JSON document of an import whose source cannot be used.
fn opened<T>(result: Result<T, CliError>, options: &Options) -> Result<T, CliError> {
    if let (Err(error), true) = (&result, options.json) {
        output::json(&json!({"problems": [], "is_done": false, "error": error.to_string()}))?;
    }
    result
}

fn read_mapping(file: &Path) -> Result<MappingRules, CliError> {
    let failed = |error: &dyn std::fmt::Display| {
        CliError::Usage(format!("--mapping {}: {error}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    MappingRules::parse(&text).map_err(|error| failed(&error))
}

fn explained(error: &ImportError, name: &str) -> String {
    output::sanitize(&format!("--from {name}: {error}"))
}

fn target(database: &Database, config: &Config) -> Target {
    match database {
        Database::Sqlite(path) => Target::Sqlite {
            path: path.clone(),
            busy_timeout: config.database.busy_timeout.get(),
        },
        Database::Postgres(url) => Target::Postgres { url: url.clone() },
    }
}

/// The rules of the file and of the command line.
fn role_rules(
    config: &Config,
    of_file: &BTreeMap<String, String>,
    options: &Options,
) -> Result<RoleRules, CliError> {
    let configured = Arc::new(config.roles.clone());
    let role = |argument: &str, name: &str| {
        let role = Role::parse(name).ok();
        role.filter(|role| configured.contains(role))
            .ok_or_else(|| {
                let names = configured.names().join(", ");
                CliError::Usage(format!(
                    "{argument}: there is no role {name:?}; the roles are {names}"
                ))
            })
    };
    let mut named = BTreeMap::new();
    for (word, name) in of_file {
        named.insert(word.clone(), role(&format!("[roles] {word}"), name)?);
    }
    for argument in &options.role {
        let (word, name) = argument.split_once('=').ok_or_else(|| {
            CliError::Usage(format!("--role {argument}: must be of the form WORD=ROLE"))
        })?;
        let role = role(&format!("--role {argument}"), name.trim())?;
        named.insert(word.trim().to_owned(), role);
    }
    let default = match &options.default_role {
        Some(name) => role("--default-role", name)?,
        None => configured.default_role(),
    };
    if options.default_role.is_none() && configured.rights(&default).can_write() {
        return Err(CliError::Usage(format!(
            "--default-role: without it all users would get the role {default}, which may write; name a role"
        )));
    }
    Ok(RoleRules {
        named,
        default,
        configured,
    })
}

/// Runs the import; JSON is a whole document also when it fails.
async fn import(
    config: Config,
    options: &Options,
    source: impl Source + 'static,
    name: String,
    output: Output,
) -> Result<ExitCode, CliError> {
    let result = Box::pin(run_import(config, options, source, name, output.clone())).await;
    if let Err(error) = &result {
        output.fail(error)?;
    }
    result
}

/// Runs the import, with `--strict` after a dry run that found nothing.
async fn run_import(
    config: Config,
    options: &Options,
    source: impl Source + 'static,
    name: String,
    mut output: Output,
) -> Result<ExitCode, CliError> {
    if options.dry_run {
        let (report, _) = look(&config, source, &mut output).await?;
        return output.end(&report, "would be ", None);
    }
    let services = load_keys::open(config).await?;
    let mut source = source;
    if options.strict {
        let (report, read) = look(&services.config, source, &mut output).await?;
        if !report.is_clean() {
            let refusal = "--strict: nothing was imported";
            return output.end(&report, "would be ", Some(refusal));
        }
        source = read;
    }
    let report = write(&services, source, name, &mut output).await?;
    bootstrap::link_events(&services).await;
    output.end(&report, "", None)
}

/// Decides everything and writes nothing.
async fn look<S: Source + 'static>(
    config: &Config,
    source: S,
    output: &mut Output,
) -> Result<(Report, S), CliError> {
    let connection = database::open_read_only(config)?;
    if connection.is_some() {
        // The schema must be that of this version.
        drop(bootstrap::read_only_store(config)?);
    }
    let roles = Arc::new(config.roles.clone());
    start(source, Mode::DryRun { connection, roles }, output).await
}

async fn write<S: Source + 'static>(
    services: &Services,
    source: S,
    name: String,
    output: &mut Output,
) -> Result<Report, CliError> {
    let mode = Mode::Write {
        target: database::target(&services.config),
        audit_context: Box::new(services.audit_context(&Actor::operator())),
        roles: Arc::clone(&services.roles),
        source: name,
    };
    Ok(start(source, mode, output).await?.0)
}

/// Runs the import on a thread of its own, until its end, Ctrl-C or SIGTERM.
async fn start<S: Source + 'static>(
    mut source: S,
    mode: Mode,
    output: &mut Output,
) -> Result<(Report, S), CliError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::refused)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, mut observer) = (Arc::clone(&stop), output.clone());
    let mut work = tokio::task::spawn_blocking(move || {
        let result = run(&mut source, mode, &mut observer, &stopped);
        result.map(|report| (report, source))
    });
    let stop_signal = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let result = tokio::select! {
        result = &mut work => result,
        () = stop_signal => {
            stop.store(true, Ordering::Relaxed);
            Output::stopping();
            work.await
        }
    };
    result
        .map_err(CliError::refused)?
        .map_err(CliError::refused)
}
