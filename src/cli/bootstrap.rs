//! Putting the house together from its configuration: data directory, database, schema, key, services.

use std::path::{Path, PathBuf};

use crate::{
    cli::CliError,
    clock::Clock,
    config::{Config, Database, OtpDelivery, SmtpTls},
    delivery::{Channel, Delivery, Extras, SmtpSettings, Tls, WebhookSettings},
    services::{
        Services,
        audit::log::AuditLog,
        audit_chain::{chain::seal_waiting, event_mac::AuditKey, restart::is_of_another_key},
        auth::{access_token_usage::AccessTokenUsage, otp_deliveries::OtpDeliveries},
        dashboard::Dashboard,
        limits::state::Limits,
        login_counts::LoginCounts,
        maintenance::jobs::Jobs,
        metrics::Metrics,
        passwords::{PasswordSettings, Passwords},
        revocations::Revocations,
    },
    store::{Db, Store, StoreSettings, Target, engine::migrations},
    tokens::{KeyError, SigningKey, Tokens},
};

/// How many codes may wait for their delivery.
const DELIVERY_QUEUE: usize = 1000;

/// How the database is reached.
pub(super) fn target(config: &Config) -> Target {
    match config.database() {
        Database::Sqlite(path) => Target::Sqlite {
            path,
            busy_timeout: config.database.busy_timeout.get(),
        },
        Database::Postgres(url) => Target::Postgres { url },
    }
}

/// How the database is called for people: without a password.
pub(super) fn database_name(config: &Config) -> String {
    match config.database() {
        Database::Sqlite(path) => format!("SQLite, {}", path.display()),
        database @ Database::Postgres(_) => format!("Postgres, {database}"),
    }
}

/// A connection to the database; for SQLite the directories on the way to it are made.
pub(super) fn connect(config: &Config) -> Result<Db, CliError> {
    if let Database::Sqlite(path) = config.database() {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .map_or(PathBuf::from("."), PathBuf::from);
        make_private_directory(&directory)?;
    }
    target(config)
        .connect()
        .map_err(|error| not_reached(config, &error))
}

/// A connection that writes nothing to what is there; none where there is no database file yet, and none is made.
pub(super) fn open_read_only(config: &Config) -> Result<Option<Db>, CliError> {
    target(config)
        .open_read_only()
        .map_err(|error| not_reached(config, &error))
}

fn not_reached(config: &Config, error: &impl std::fmt::Display) -> CliError {
    // libpq adds advice on further lines; the first one says what is wrong.
    let reason = error.to_string();
    let reason = reason.lines().next().unwrap_or_default().trim();
    // What libpq says of an address that it cannot read repeats parts of it, which may be the password's.
    let unreadable = [
        "for connection option",
        "URI",
        "percent-encoded",
        "integer value",
    ];
    let reason = if unreadable.iter().any(|sign| reason.contains(sign)) {
        "its address cannot be read; percent-encode what stands in the user's name and the password"
    } else {
        reason
    };
    let wants_tls = ["SSL support is not compiled in", "no encryption"];
    let advice = if wants_tls.iter().any(|sign| reason.contains(sign)) {
        ". For TLS to Postgres build munjigi with `--features postgres-tls`, and set `sslmode=verify-full`"
    } else {
        ""
    };
    let database = database_name(config);
    CliError::Refused(format!(
        "the database ({database}) cannot be reached: {reason}{advice}"
    ))
}

/// Opens the database and brings its schema up to this version; gives the names of the migrations that were run.
pub(super) fn migrated_store(config: &Config) -> Result<(Store, Vec<String>), CliError> {
    // One connection first: several that open a fresh SQLite file at once trip over each other.
    let ran = migrations::migrate(&mut connect(config)?).map_err(CliError::refused)?;
    let store = Store::open(&store_settings(config)).map_err(CliError::refused)?;
    Ok((store, ran))
}

/// How the store is opened.
pub(super) fn store_settings(config: &Config) -> StoreSettings {
    StoreSettings {
        target: target(config),
        pool_size: config.database.pool_size,
        acquire_timeout: config.database.acquire_timeout.get(),
    }
}

/// The signing key, and where its file is if it was made just now.
pub(super) fn signing_key(config: &Config) -> Result<(SigningKey, Option<PathBuf>), CliError> {
    if let Some(secret) = &config.tokens.signing_key {
        return Ok((SigningKey::from_bytes(secret.reveal().as_bytes()), None));
    }
    let Some(path) = config.signing_key_file() else {
        return Err(CliError::Refused(
            "no signing key is configured: set tokens.signing_key".into(),
        ));
    };
    if config.tokens.signing_key_file.is_some() {
        // A file that somebody named is somebody's to make: a typo must not sign with a key of its own.
        let key =
            SigningKey::from_file(&path, config.tokens.algorithm).map_err(CliError::refused)?;
        return Ok((key, None));
    }
    if let Some(directory) = path.parent() {
        make_private_directory(directory)?;
    }
    let (key, made) =
        SigningKey::from_file_or_new(&path, config.tokens.algorithm).map_err(CliError::refused)?;
    Ok((key, made.then_some(path)))
}

/// The signing key, where there is one: none is made.
pub(super) fn existing_signing_key(config: &Config) -> Result<Option<SigningKey>, KeyError> {
    if let Some(secret) = &config.tokens.signing_key {
        return Ok(Some(SigningKey::from_bytes(secret.reveal().as_bytes())));
    }
    let path = config.signing_key_file().unwrap_or_default();
    if !path.exists() {
        return Ok(None);
    }
    SigningKey::from_file(&path, config.tokens.algorithm).map(Some)
}

/// The services, with codes delivered through `channel`, and links by `mail`.
pub(super) fn services(
    config: Config,
    store: Store,
    key: SigningKey,
    channel: Channel,
    mail: Option<SmtpSettings>,
) -> Result<Services, CliError> {
    let login = &config.login;
    let settings = PasswordSettings {
        cost: login.bcrypt_cost,
        threads: login.hash_threads,
        queue: login.hash_queue,
        deadline: login.hash_deadline.get(),
    };
    let passwords = Passwords::start(settings).map_err(|error| {
        CliError::Refused(format!(
            "the threads that hash passwords cannot be started: {error}"
        ))
    })?;
    let clock = Clock::System;
    let otp_deliveries = OtpDeliveries::default();
    let extras = Extras {
        mail,
        observer: Some(otp_deliveries.observer(clock.clone())),
    };
    let delivery = Delivery::start_with(channel, extras, DELIVERY_QUEUE, clock.clone())
        .map_err(CliError::refused)?;
    let audit_log = audit_log(&config, &key);
    let tokens = Tokens::new(config.tokens.clone(), key);
    let revocations = Revocations::new(config.tokens.revocation_max_lag.get());
    Ok(Services {
        metrics: Metrics::default(),
        revocations,
        access_token_usage: AccessTokenUsage::default(),
        dashboard: Dashboard::starting(&clock),
        clock,
        config,
        store,
        tokens,
        audit_log,
        passwords,
        delivery,
        limits: Limits::default(),
        login_counts: LoginCounts::default(),
        jobs: Jobs::default(),
        otp_deliveries,
    })
}

/// The services for a verb of the command line.
pub(super) fn open(config: Config) -> Result<Services, CliError> {
    let (store, _) = migrated_store(&config)?;
    let (key, _) = signing_key(&config)?;
    // What is written with another key could never be proved.
    if is_of_another_key(&mut connect(&config)?, &AuditKey::of(&key)).map_err(CliError::refused)? {
        return Err(CliError::Refused(
            "the record in this database was written with another signing key: use that one, or start the server with \
             this one first where you changed it"
                .into(),
        ));
    }
    services(config, store, key, Channel::Console, None)
}

/// Whoever writes the record.
pub(super) fn audit_log(config: &Config, key: &SigningKey) -> AuditLog {
    AuditLog::new(AuditKey::of(key)).kept_in(&config.server.data_dir)
}

/// Seals what a verb has added to the record. What cannot be sealed now is sealed by the next one, or by the server.
pub(super) async fn seal(services: &Services) {
    if let Err(error) = seal_waiting(&services.store, &services.audit_log).await {
        tracing::warn!(%error, "the record cannot be sealed now");
    }
}

/// The mail server, where one is configured. Links go by it, whichever way codes go.
pub(super) fn mail(config: &Config) -> Option<SmtpSettings> {
    let smtp = &config.smtp;
    let (host, from) = smtp.host.clone().zip(smtp.from.clone())?;
    Some(SmtpSettings {
        host,
        port: smtp.effective_port(),
        tls: match smtp.tls {
            SmtpTls::Starttls => Tls::Starttls,
            SmtpTls::Tls => Tls::Tls,
            SmtpTls::None => Tls::None,
        },
        username: smtp.username.clone(),
        password: smtp
            .password
            .as_ref()
            .map(|password| password.reveal().to_owned()),
        from,
        ca_file: smtp.ca_file.clone(),
        timeout: smtp.timeout.get(),
    })
}

/// How the configuration wants codes to be delivered.
pub(super) fn channel(config: &Config) -> Result<Channel, CliError> {
    let missing = |key: &str| CliError::Refused(format!("{key} is not configured"));
    Ok(match config.otp.delivery {
        OtpDelivery::Console => Channel::Console,
        OtpDelivery::Smtp => {
            Channel::Smtp(mail(config).ok_or_else(|| missing("smtp.host or smtp.from"))?)
        }
        OtpDelivery::Webhook => {
            let webhook = &config.webhook;
            let secret = webhook
                .secret
                .as_ref()
                .ok_or_else(|| missing("webhook.secret"))?;
            Channel::Webhook(WebhookSettings {
                url: webhook.url.clone().ok_or_else(|| missing("webhook.url"))?,
                secret: secret.reveal().to_owned(),
                timeout: webhook.timeout.get(),
                retries: webhook.retries,
            })
        }
    })
}

/// Makes a directory that only its owner may enter, where there is none.
fn make_private_directory(directory: &Path) -> Result<(), CliError> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| {
        CliError::Refused(format!(
            "the data directory {} cannot be made: {error}",
            directory.display()
        ))
    })
}
