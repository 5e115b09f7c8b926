//! The whole configuration: one field per section, how it is loaded, checked and printed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::value::MapDeserializer};

use crate::config::admin::AdminConfig;
use crate::config::audit::AuditConfig;
use crate::config::catalogue;
use crate::config::database::{Database, DatabaseConfig};
use crate::config::error::{Checks, ConfigError};
use crate::config::flush::FlushConfig;
use crate::config::language::LanguageConfig;
use crate::config::layers::{self, Environment, Layers};
use crate::config::limits::LimitsConfig;
use crate::config::log::LogConfig;
use crate::config::login::LoginConfig;
use crate::config::metrics::MetricsConfig;
use crate::config::otp::{OtpConfig, OtpDelivery};
use crate::config::reader::ReadError;
use crate::config::server::ServerConfig;
use crate::config::smtp::{SmtpConfig, full_name};
use crate::config::tokens::TokensConfig;
use crate::config::webhook::WebhookConfig;

/// The whole configuration, one field per section of the file.
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
    /// Loads and validates the configuration: the environment overrides the file, the file overrides the defaults.
    ///
    /// The file is the one at `path`, which must exist, or `munjigi.toml` in the working directory if it exists.
    /// `MUNJIGI_SECTION__KEY` sets a key and `DATABASE_URL` sets `database.url`. An empty variable counts as unset; an
    /// unknown variable that starts with `MUNJIGI_` is an error.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with(path, &layers::process_environment())
    }

    /// Like [`Config::load`], with `environment` instead of the environment of the process.
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

    /// Checks each value and the combinations of values. The error lists all problems.
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

    /// `[smtp]` with the name for `EHLO`: the configured one, or the host of `server.public_url` if it is a full name.
    #[must_use]
    pub fn mail_server(&self) -> SmtpConfig {
        let public_url = self.server.public_url.as_ref();
        let host = public_url.and_then(|url| full_name(url.host_str()?));
        SmtpConfig {
            hello_name: self.smtp.hello_name.clone().or(host),
            ..self.smtp.clone()
        }
    }

    /// The database in effect: `database.url`, or the file `munjigi.db` in the data directory.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
            .url
            .clone()
            .unwrap_or_else(|| Database::Sqlite(self.server.data_dir.join("munjigi.db")))
    }

    /// The signing key file in effect: `tokens.signing_key_file`, or `signing.key` in the data directory. `None` if
    /// `tokens.signing_key` is set.
    #[must_use]
    pub fn signing_key_file(&self) -> Option<PathBuf> {
        if self.tokens.signing_key.is_some() {
            return None;
        }
        let default = || self.server.data_dir.join("signing.key");
        Some(self.tokens.signing_key_file.clone().unwrap_or_else(default))
    }

    /// The configuration in effect as TOML, in the order of `example.toml`. Secrets are masked; a key without a value is
    /// written as a comment.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let table = match toml::Table::try_from(self) {
            Ok(table) => table,
            // Only values that `validate` rejects and paths that are not UTF-8 fail here.
            Err(error) => return format!("# cannot be printed: {error}\n"),
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

/// Deserializes the layers over the defaults. A value that cannot be read is reported and keeps its default, so that
/// all problems are found in one run.
pub(super) fn read(layers: &mut Layers, checks: &mut Checks) -> Config {
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
        let read_error = error.into_inner();
        let mut message = read_error.to_string();
        let example = catalogue::find(section, key)
            .zip(origin.as_deref())
            .and_then(|(entry, origin)| entry.example(origin));
        if let (ReadError::Type(_), Some(example)) = (&read_error, example) {
            message = format!("{message}, for example `{example}`");
        }
        checks.refuse_from(&path, origin.as_deref(), message);
        if !layers.remove(section, key) {
            return Config::default();
        }
    }
}
