//! The whole configuration: one field per section, how it is loaded, checked and printed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::value::MapDeserializer};

use crate::config::admin::AdminConfig;
use crate::config::audit::AuditConfig;
use crate::config::backup::BackupConfig;
use crate::config::catalogue;
use crate::config::database::{Database, DatabaseConfig};
use crate::config::django::DjangoConfig;
use crate::config::error::{Checks, ConfigError};
use crate::config::event_webhooks::EventWebhooksConfig;
use crate::config::flush::FlushConfig;
use crate::config::language::LanguageConfig;
use crate::config::layers::{self, Environment, Layers};
use crate::config::lifetimes::{Lifetimes, PopulationConfig, ServiceTokensConfig};
use crate::config::limits::LimitsConfig;
use crate::config::log::LogConfig;
use crate::config::login::LoginConfig;
use crate::config::metrics::MetricsConfig;
use crate::config::otp::{OtpConfig, OtpDelivery};
use crate::config::reader::ReadError;
use crate::config::roles::RolesConfig;
use crate::config::server::ServerConfig;
use crate::config::simplejwt::SimplejwtConfig;
use crate::config::smtp::{SmtpConfig, full_name};
use crate::config::tokens::TokensConfig;
use crate::config::traces::TracesConfig;
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
    /// `[tokens.user]`
    #[serde(rename = "tokens.user")]
    pub user_tokens: PopulationConfig,
    /// `[tokens.client]`
    #[serde(rename = "tokens.client")]
    pub client_tokens: PopulationConfig,
    /// `[tokens.service]`
    #[serde(rename = "tokens.service")]
    pub service_tokens: ServiceTokensConfig,
    /// `[roles]`
    pub roles: RolesConfig,
    /// `[simplejwt]`
    pub simplejwt: SimplejwtConfig,
    /// `[django]`
    pub django: DjangoConfig,
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
    /// `[event_webhooks]`
    pub event_webhooks: EventWebhooksConfig,
    /// `[flush]`
    pub flush: FlushConfig,
    /// `[audit]`
    pub audit: AuditConfig,
    /// `[backup]`
    pub backup: BackupConfig,
    /// `[admin]`
    pub admin: AdminConfig,
    /// `[language]`
    pub language: LanguageConfig,
    /// `[metrics]`
    pub metrics: MetricsConfig,
    /// `[traces]`
    pub traces: TracesConfig,
    /// `[log]`
    pub log: LogConfig,
}

impl Config {
    /// Loads and validates the configuration: the environment overrides the file, the file overrides the defaults.
    ///
    /// The file is the one at `path`, which must exist, or `munjigi.toml` in the working directory if it exists.
    /// `MUNJIGI_SECTION__KEY` sets a key and `DATABASE_URL` sets `database.url`. An empty variable counts as unset; an
    /// unknown variable that starts with `MUNJIGI_` is an error. Secrets can be in files, see `secret_files`.
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
        layers.add_credentials(environment, &mut checks);
        layers.read_files(&mut checks);
        let config = read(&mut layers, &mut checks);
        checks.finish()?;
        config
            .validate()
            .map_err(|error| error.with_origins(|key| layers.origin(key)))?;
        Ok(config)
    }

    /// Checks the text of a file, without the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn check_text(text: &str) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        let mut layers = Layers::default();
        layers.add_file("the file", text, &mut checks);
        let config = read(&mut layers, &mut checks);
        checks.finish()?;
        config.validate()
    }

    /// Checks each value and the combinations of values. The error lists all problems.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        self.server.check(&self.database(), &mut checks);
        self.database.check(&mut checks);
        self.tokens.check(&mut checks);
        self.tokens.check_status_list(&self.server, &mut checks);
        self.user_tokens
            .check("tokens.user", &self.tokens, &mut checks);
        self.client_tokens
            .check("tokens.client", &self.tokens, &mut checks);
        self.service_tokens.check(&mut checks);
        self.roles.check(&mut checks);
        self.simplejwt.check(&self.tokens, &mut checks);
        self.django.check(&mut checks);
        self.login.check(&mut checks);
        self.limits.check(&mut checks);
        self.otp.check(&self.server, &mut checks);
        let delivery = self.otp.delivery;
        self.smtp.check(delivery == OtpDelivery::Smtp, &mut checks);
        self.webhook
            .check(delivery == OtpDelivery::Webhook, &mut checks);
        self.event_webhooks.check(&mut checks);
        self.flush.check(&mut checks);
        self.audit.check(&mut checks);
        self.backup.check(&self.database(), &mut checks);
        self.admin
            .check(&self.server, self.metrics.listen, &mut checks);
        self.metrics.check(self.server.listen, &mut checks);
        self.traces.check(&mut checks);
        checks.finish()
    }

    /// The lifetimes in effect for each population.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        Lifetimes::new(
            &self.tokens,
            &self.user_tokens,
            &self.client_tokens,
            &self.service_tokens,
        )
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

    /// The issuer of tokens: `tokens.issuer`, or `server.public_url` without a slash at the end.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        let configured = self.tokens.issuer.as_deref();
        configured.or_else(|| self.server.public_base())
    }

    /// The database in effect: `database.url`, or the file `munjigi.db` in the data directory.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
            .url
            .clone()
            .unwrap_or_else(|| Database::Sqlite(self.server.data_dir.join("munjigi.db")))
    }

    /// The master key file in effect: `server.master_key_file`, or `master.key` in the data directory. `None` if
    /// `server.master_key` is set.
    #[must_use]
    pub fn master_key_file(&self) -> Option<PathBuf> {
        if self.server.master_key.is_some() {
            return None;
        }
        let default = || self.server.data_dir.join("master.key");
        Some(self.server.master_key_file.clone().unwrap_or_else(default))
    }

    /// The lines of `[roles]`, whose keys are not those of the example.
    fn roles_lines(&self, table: &toml::Table) -> Vec<String> {
        let roles = table.get(catalogue::ROLES);
        let line = |(name, _): (&str, _)| {
            let value = roles?.get(name)?;
            let is_bare = !name.contains('.');
            let key = if is_bare {
                name.to_owned()
            } else {
                format!("\"{name}\"")
            };
            Some(format!("{key} = {value}"))
        };
        self.roles.iter().filter_map(line).collect()
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
                if section == catalogue::ROLES {
                    lines.extend(self.roles_lines(&table));
                }
            }
            if section == catalogue::ROLES {
                continue;
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
        let (section, key) = catalogue::section_and_key(&path);
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
