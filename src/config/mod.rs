//! The configuration: one struct per section, with its checks. The only module that reads the environment. It reads the
//! configuration file and the files of secrets that are named as such (`secret_files`), and nothing else: no database.
//!
//! See [`Config::load`] for precedence. A new key is added to the struct of its section and to `example.toml`.

mod admin;
mod algorithm;
mod audit;
mod backup;
mod browsers;
mod catalogue;
pub(crate) mod database;
mod django;
mod error;
mod event_webhooks;
mod flush;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod language;
mod layers;
mod lifetimes;
mod limits;
mod log;
mod login;
mod metrics;
mod otp;
mod reader;
mod reload;
mod roles;
mod secret_files;
mod sections;
mod server;
mod simplejwt;
mod smtp;
mod tokens;
mod traces;
mod values;
mod webhook;

pub use crate::config::{
    admin::AdminConfig,
    algorithm::{Algorithm, KeyKind},
    audit::AuditConfig,
    backup::BackupConfig,
    browsers::{Origin, Transport},
    catalogue::EXAMPLE,
    database::{Database, DatabaseConfig},
    django::DjangoConfig,
    error::{ConfigError, ConfigProblem},
    event_webhooks::EventWebhooksConfig,
    flush::FlushConfig,
    language::LanguageConfig,
    layers::Environment,
    lifetimes::{Lifetimes, PopulationConfig, PopulationLifetimes, ServiceTokensConfig},
    limits::LimitsConfig,
    log::{LogConfig, LogFormat, LogLevel},
    login::{LoginConfig, SecondFactorDuty},
    metrics::MetricsConfig,
    otp::{OtpConfig, OtpDelivery},
    reload::Changes,
    roles::{ApiAccess, PanelAccess, Rights, RoleConfig, RolesConfig},
    sections::Config,
    server::{ForwardedHeader, MIN_MASTER_KEY_BYTES, ServerConfig},
    simplejwt::{SimplejwtConfig, UserIdField},
    smtp::{SmtpConfig, SmtpTls},
    tokens::{
        ClaimName, MAX_ACCESS_LIFETIME, MAX_LEEWAY, RotationPolicy, TokenProfile, TokensConfig,
    },
    traces::TracesConfig,
    values::{InvalidValue, Secret, Span, is_loopback_host},
    webhook::WebhookConfig,
};
