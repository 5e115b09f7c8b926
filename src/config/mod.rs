//! The configuration: one struct per concern, strict and documented. This room is the only reader of the environment,
//! and it reads nothing else but the configuration file: it opens no database, no key file and no connection.
//!
//! Defaults come first, then the file, then the environment; see [`Config::load`]. A new key goes into its section's
//! struct, with its check, and into `example.toml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::value::MapDeserializer};

mod admin;
mod audit;
mod browsers;
mod catalogue;
mod database;
mod error;
mod flush;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod language;
mod layers;
mod limits;
mod log;
mod login;
mod metrics;
mod otp;
mod reader;
mod server;
mod smtp;
mod tokens;
mod values;
mod webhook;

#[cfg(test)]
mod tests;

pub use crate::config::{
    admin::AdminConfig,
    audit::AuditConfig,
    browsers::{Origin, Transport},
    database::{Database, DatabaseConfig},
    error::{ConfigError, Problem},
    flush::FlushConfig,
    language::LanguageConfig,
    layers::Environment,
    limits::LimitsConfig,
    log::{LogConfig, LogFormat, LogLevel},
    login::LoginConfig,
    metrics::MetricsConfig,
    otp::{OtpConfig, OtpDelivery},
    server::{ForwardedHeader, ServerConfig},
    smtp::{SmtpConfig, SmtpTls},
    tokens::{Algorithm, ClaimName, MAX_ACCESS_LIFETIME, MAX_LEEWAY, TokensConfig},
    values::{InvalidValue, Secret, Span, is_loopback_host},
    webhook::WebhookConfig,
};

use crate::config::{error::Checks, layers::Layers, reader::ReadError};

/// Every key with its default, as a file to copy and change: what `munjigi config example` prints.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The whole configuration, one field per section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: ServerConfig,
    /// `[database]`
    pub database: DatabaseConfig,
    /// `[tokens]`
    pub tokens: TokensConfig,
    /// `[login]`
    pub login: LoginConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[otp]`
    pub otp: OtpConfig,
    /// `[smtp]`
    pub smtp: SmtpConfig,
    /// `[webhook]`
    pub webhook: WebhookConfig,
    /// `[flush]`
    pub flush: FlushConfig,
    /// `[audit]`
    pub audit: AuditConfig,
    /// `[admin]`
    pub admin: AdminConfig,
    /// `[language]`
    pub language: LanguageConfig,
    /// `[metrics]`
    pub metrics: MetricsConfig,
    /// `[log]`
    pub log: LogConfig,
}

impl Config {
    /// The defaults, changed by a file and then by this process's environment, and validated.
    ///
    /// The file is the one at `path`, which must exist, else `munjigi.toml` in the working directory where present.
    /// `DATABASE_URL` sets `database.url`, and `MUNJIGI_SECTION__KEY` each key; an empty variable counts as unset, and
    /// one that begins with `MUNJIGI_` and is no key is an error.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with(path, &layers::process_environment())
    }

    /// As [`Config::load`], with this environment in the place of the process's.
    pub fn load_with(path: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let mut checks = Checks::default();
        let mut layers = Layers::default();
        if let Some((name, text)) = layers::read_file(path, &mut checks) {
            layers.add_file(&name, &text, &mut checks);
        }
        layers.add_environment(environment, &mut checks);
        let config = read(&mut layers, &mut checks);
        checks.finish()?;
        config
            .validate()
            .map_err(|error| error.with_origins(|key| layers.origin(key)))?;
        Ok(config)
    }

    /// Checks every value and how they go together; all problems are reported at once.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        self.server.check(&mut checks);
        self.database.check(&mut checks);
        self.tokens.check(&self.database(), &mut checks);
        self.login.check(&mut checks);
        self.limits.check(&mut checks);
        self.otp.check(&self.server, &mut checks);
        let delivery = self.otp.delivery;
        self.smtp.check(delivery == OtpDelivery::Smtp, &mut checks);
        self.webhook
            .check(delivery == OtpDelivery::Webhook, &mut checks);
        self.flush.check(&mut checks);
        self.audit.check(&mut checks);
        self.admin.check(&mut checks);
        self.metrics.check(self.server.listen, &mut checks);
        checks.finish()
    }

    /// The database in effect: `database.url`, else the file `munjigi.db` in the data directory.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
            .url
            .clone()
            .unwrap_or_else(|| Database::Sqlite(self.server.data_dir.join("munjigi.db")))
    }

    /// The file of the signing key in effect: `tokens.signing_key_file`, else `signing.key` in the data directory.
    /// `None` when the key itself is configured.
    #[must_use]
    pub fn signing_key_file(&self) -> Option<PathBuf> {
        if self.tokens.signing_key.is_some() {
            return None;
        }
        let default = || self.server.data_dir.join("signing.key");
        Some(self.tokens.signing_key_file.clone().unwrap_or_else(default))
    }

    /// The configuration in effect as TOML, every key in the order of [`EXAMPLE`]; secrets are masked, and a key
    /// without a value is a comment.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let table = match toml::Table::try_from(self) {
            Ok(table) => table,
            // Only a value that `validate` refuses, or a path that is no text, cannot be written.
            Err(error) => return format!("# cannot be shown: {error}\n"),
        };
        let mut lines = Vec::new();
        let mut section = "";
        for entry in catalogue::entries() {
            if entry.section != section {
                let is_first = section.is_empty();
                section = entry.section;
                lines.extend((!is_first).then(String::new));
                lines.push(format!("[{section}]"));
            }
            let value = table.get(section).and_then(|keys| keys.get(entry.key));
            lines.push(match value {
                Some(value) => format!("{} = {value}", entry.key),
                None => format!("# {} is not set", entry.key),
            });
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Reads the layers over the defaults. What cannot be read is noted and left at its default, so that one look shows
/// every problem.
fn read(layers: &mut Layers, checks: &mut Checks) -> Config {
    loop {
        let values = MapDeserializer::new(layers.values().into_iter());
        let error = match serde_path_to_error::deserialize::<_, Config>(values) {
            Ok(config) => return config,
            Err(error) => error,
        };
        let path = error.path().to_string();
        let mut names = path.split(['.', '[']);
        let (section, key) = (names.next().unwrap_or(""), names.next().unwrap_or(""));
        let origin = layers.origin(&path);
        let fault = error.into_inner();
        let mut message = fault.to_string();
        let example = catalogue::find(section, key)
            .zip(origin.as_deref())
            .and_then(|(entry, origin)| entry.example(origin));
        if let (ReadError::Kind(_), Some(example)) = (&fault, example) {
            message = format!("{message}, for example `{example}`");
        }
        checks.refuse_from(&path, origin.as_deref(), message);
        if !layers.remove(section, key) {
            return Config::default();
        }
    }
}
