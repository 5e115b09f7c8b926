//! The master keys of the configuration, and the signing keys of the database or of files.

use std::path::{Path, PathBuf};

use crate::cli::bootstrap;
use crate::cli::bootstrap::existing_store;
use crate::cli::database::{connect, create_private_directory, database_name};
use crate::cli::error::CliError;
use crate::clock::Clock;
use crate::config::{Algorithm, Config, SmtpConfig};
use crate::delivery::Channel;
use crate::services::Services;
use crate::services::audit::log::AuditKey;
use crate::services::audit_chain::restart::is_of_unknown_key;
use crate::services::bootstrap::Keys;
use crate::services::signing_keys::replacement::replace_all;
use crate::services::signing_keys::ring;
use crate::services::signing_keys::sealing::KeysError;
use crate::store::totals::is_in_use;
use crate::store::{Store, signing_keys};
use crate::tokens::{DjangoKey, KeyRing, MasterKey, MasterKeyError, MasterKeys, SigningKey};

/// The master keys, and the path of the master key file if it was created by this call. Over a database that is in use a key
/// is created only if `new_key`.
pub(super) fn master_keys(
    config: &Config,
    new_key: bool,
) -> Result<(MasterKeys, Option<PathBuf>), CliError> {
    let is_configured =
        config.server.master_key.is_some() || config.server.master_key_file.is_some();
    if is_configured {
        // A configured file is never created: after a typo the server would start with a new key.
        return Ok((required_master_keys(config)?, None));
    }
    let path = config.master_key_file().unwrap_or_default();
    if !new_key && !path.exists() {
        refuse_if_in_use(config, &path)?;
    }
    if let Some(directory) = path.parent() {
        create_private_directory(directory)?;
    }
    let (present, created) = MasterKey::from_file_or_new(&path).map_err(CliError::refused)?;
    let others = others(config).map_err(CliError::refused)?;
    Ok((MasterKeys { present, others }, created.then_some(path)))
}

/// With a new key over an existing database, no signing key could be decrypted and the audit log not be verified any more.
fn refuse_if_in_use(config: &Config, key: &Path) -> Result<(), CliError> {
    let is_in_use = is_in_use(&mut connect(config, false)?).map_err(CliError::refused)?;
    if !is_in_use {
        return Ok(());
    }
    Err(CliError::Refused(format!(
        "the master key {} is missing, but the database ({}) has accounts or audit events of an earlier key. Put \
         master.key back from the backup. If it is lost, run `munjigi serve --new-key`: it creates a new key, and everyone \
         has to log in again",
        key.display(),
        database_name(config)
    )))
}

/// The master keys; `None` if there is no key file yet. None is created.
pub(super) fn existing_master_keys(config: &Config) -> Result<Option<MasterKeys>, MasterKeyError> {
    let present = match (&config.server.master_key, config.master_key_file()) {
        (Some(secret), _) => MasterKey::from_bytes(secret.reveal().as_bytes()),
        (None, Some(path)) if path.exists() => MasterKey::from_file(&path)?,
        (None, _) => return Ok(None),
    };
    let others = others(config)?;
    Ok(Some(MasterKeys { present, others }))
}

fn others(config: &Config) -> Result<Vec<MasterKey>, MasterKeyError> {
    let texts = config.server.previous_master_keys.iter();
    let mut keys: Vec<MasterKey> = texts
        .map(|secret| MasterKey::from_bytes(secret.reveal().as_bytes()))
        .collect();
    for file in &config.server.previous_master_key_files {
        keys.push(MasterKey::from_file(file)?);
    }
    Ok(keys)
}

/// The master keys; refused if there are none yet.
pub(super) fn required_master_keys(config: &Config) -> Result<MasterKeys, CliError> {
    let keys = existing_master_keys(config).map_err(CliError::refused)?;
    keys.ok_or_else(|| {
        let file = config.master_key_file().unwrap_or_default();
        let what = match config.server.master_key_file {
            Some(_) => "a file named in server.master_key_file is not created: put the key there",
            None => "start the server once, or check server.data_dir",
        };
        CliError::Refused(format!(
            "there is no master key yet ({}): {what}",
            file.display()
        ))
    })
}

/// The signing keys of a process that writes: the first one is made if there are none. Refused, before anything is written,
/// if the database belongs to a master key that is not known here, except with `new_key`, which replaces all signing keys.
pub(super) async fn signing_keys(
    config: &Config,
    store: &Store,
    master_keys: &MasterKeys,
    new_key: bool,
) -> Result<KeyRing, CliError> {
    let (algorithm, now) = (config.tokens.algorithm, Clock::System.now());
    let files = ring::from_files(&config.tokens.keys, algorithm).map_err(CliError::refused)?;
    match ring::check_master_key(store, master_keys).await {
        Err(KeysError::AnotherMasterKey { .. }) if new_key => {
            let replaced = replace_all(store, master_keys, algorithm, now).await;
            let replaced = replaced.map_err(CliError::refused)?;
            return Ok(files.unwrap_or(replaced));
        }
        checked => checked.map_err(CliError::refused)?,
    }
    if let Some(files) = files {
        return Ok(files);
    }
    let first = || Ok(SigningKey::generate(algorithm)?);
    let ring = ring::load_or_create(store, master_keys, first, now).await;
    ring.map_err(CliError::refused)
}

/// The signing keys for a command that only reads; refused if there are none yet.
pub(super) async fn existing_signing_keys(
    config: &Config,
    store: &Store,
    master_keys: &MasterKeys,
) -> Result<KeyRing, CliError> {
    let files = ring::from_files(&config.tokens.keys, config.tokens.algorithm);
    if let Some(files) = files.map_err(CliError::refused)? {
        return Ok(files);
    }
    let rows = store
        .read(signing_keys::list)
        .await
        .map_err(CliError::refused)?;
    let ring = ring::load(&rows, master_keys).map_err(CliError::refused)?;
    ring.ok_or_else(|| CliError::refused(KeysError::NoActiveKey))
}

/// The services for a command that writes, on a database that exists. The keys are created if the database is new. Nothing is
/// mailed.
pub(super) async fn open(config: Config) -> Result<Box<Services>, CliError> {
    open_with(config, None).await
}

/// As [`open`], with the mail server of the configuration.
pub(super) async fn open_with_mail(config: Config) -> Result<Box<Services>, CliError> {
    let mail = bootstrap::mail(&config);
    open_with(config, mail).await
}

async fn open_with(config: Config, mail: Option<SmtpConfig>) -> Result<Box<Services>, CliError> {
    let store = existing_store(&config)?;
    let (master, _) = master_keys(&config, false)?;
    let ring = signing_keys(&config, &store, &master, false).await?;
    // An audit event written with another key would fail the verification.
    let mut connection = connect(&config, false)?;
    if is_of_unknown_key(&mut connection, &AuditKey::of(&master)).map_err(CliError::refused)? {
        return Err(CliError::Refused(
            "the audit log in this database was written with another master key, and nothing is added to it with this one: \
             see `munjigi audit verify`"
                .into(),
        ));
    }
    let keys = with_django(&config, master, ring)?;
    bootstrap::start(config, store, keys, Channel::Console, mail).map(Box::new)
}

/// All keys: these, and that of Django.
pub(super) fn with_django(
    config: &Config,
    master: MasterKeys,
    ring: KeyRing,
) -> Result<Keys, CliError> {
    let django = django_key(config, &ring)?;
    Ok(Keys {
        master,
        ring,
        django,
    })
}

fn django_key(config: &Config, ring: &KeyRing) -> Result<Option<DjangoKey>, CliError> {
    let Some(secret) = django_secret(config)? else {
        return Ok(None);
    };
    refuse_same_secret(&secret, ring)?;
    Ok(Some(DjangoKey::new(&config.django, &secret)))
}

/// The key of Django as `munjigi check` sees it: its length, and a problem with which the server does not start. The keys in
/// the database are random and not compared.
pub(super) fn django_key_length(config: &Config) -> Result<Option<usize>, CliError> {
    let Some(secret) = django_secret(config)? else {
        return Ok(None);
    };
    // A signing key that cannot be read is another problem.
    if let Ok(Some(ring)) = ring::from_files(&config.tokens.keys, config.tokens.algorithm) {
        refuse_same_secret(&secret, &ring)?;
    }
    Ok(Some(secret.len()))
}

/// The tokens of Django would be taken for tokens of munjigi, and refused because they lack claims.
fn refuse_same_secret(secret: &[u8], ring: &KeyRing) -> Result<(), CliError> {
    // The id of a key does not depend on its algorithm. What is too short for this one is no signing key.
    let same = SigningKey::from_private_bytes(Algorithm::Hs256, secret)
        .is_ok_and(|key| ring.verifying().iter().any(|other| other.id() == key.id()));
    if !same {
        return Ok(());
    }
    Err(CliError::Refused(
        "the key of Django (`django.secret_key` or `django.secret_key_file`) is in `tokens.keys` too: give `tokens.keys` \
         a new secret, for example of `openssl rand -base64 48`"
            .into(),
    ))
}

/// The key of Django, from the configuration or its file.
fn django_secret(config: &Config) -> Result<Option<Vec<u8>>, CliError> {
    let django = &config.django;
    let secret = match (&django.secret_key, &django.secret_key_file) {
        (Some(secret), _) => secret.reveal().as_bytes().to_vec(),
        (None, None) => return Ok(None),
        (None, Some(path)) => std::fs::read(path).map_err(|error| {
            let path = path.display();
            CliError::Refused(format!(
                "django.secret_key_file cannot be read ({path}): {error}"
            ))
        })?,
    };
    let secret = secret.trim_ascii().to_vec();
    if secret.starts_with(b"-----BEGIN") {
        return Err(CliError::Refused(
            "the key of Django (`[django]`) is a PEM file, not a secret: give the SIGNING_KEY of HS256, HS384 or HS512; tokens \
             of Django with key pairs cannot be exchanged"
                .into(),
        ));
    }
    if secret.is_empty() {
        return Err(CliError::Refused(
            "the key of Django (`[django]`) is empty: give the SECRET_KEY of Django, or remove the setting".into(),
        ));
    }
    Ok(Some(secret))
}
