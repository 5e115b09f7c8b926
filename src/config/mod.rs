//! The configuration: one struct per section, with its checks. The only module that reads the environment. It reads the
//! configuration file and nothing else: no key file, no database.
//!
//! See [`Config::load`] for precedence. A new key is added to the struct of its section and to `example.toml`.

mod admin;
mod audit;
mod browsers;
mod catalogue;
pub(crate) mod database;
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
mod sections;
mod server;
mod smtp;
mod tokens;
mod values;
mod webhook;

pub use crate::config::{
    admin::AdminConfig,
    audit::AuditConfig,
    browsers::{Origin, Transport},
    catalogue::EXAMPLE,
    database::{Database, DatabaseConfig},
    error::{ConfigError, ConfigProblem},
    flush::FlushConfig,
    language::LanguageConfig,
    layers::Environment,
    limits::LimitsConfig,
    log::{LogConfig, LogFormat, LogLevel},
    login::LoginConfig,
    metrics::MetricsConfig,
    otp::{OtpConfig, OtpDelivery},
    sections::Config,
    server::{ForwardedHeader, ServerConfig},
    smtp::{SmtpConfig, SmtpTls},
    tokens::{Algorithm, ClaimName, MAX_ACCESS_LIFETIME, MAX_LEEWAY, RotationPolicy, TokensConfig},
    values::{InvalidValue, Secret, Span, is_loopback_host},
    webhook::WebhookConfig,
};
