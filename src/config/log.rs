//! `[log]`: log level and format.

use serde::{Deserialize, Serialize};

/// Log level and format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
pub struct LogConfig {
    /// The minimum severity that is logged.
    pub level: LogLevel,
    /// The format of a log line.
    pub format: LogFormat,
    /// Whether the line of a request has the client's address.
    pub client_address: bool,
    /// Whether the line of a request has the client's program, the header `User-Agent`.
    pub user_agent: bool,
    /// Whether the line of a request has the length of the answer's body.
    pub response_bytes: bool,
    /// Whether requests of `/healthz` and `/readyz` have a line.
    pub health_checks: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: LogLevel::default(),
            format: LogFormat::default(),
            client_address: true,
            user_agent: true,
            response_bytes: true,
            health_checks: true,
        }
    }
}

/// The minimum severity that is logged. A greater one logs more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures.
    Error,
    /// Conditions that may need attention.
    Warn,
    /// Normal operation.
    #[default]
    Info,
    /// Details for troubleshooting.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name of the level, which is also its `tracing` directive.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The format of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `pretty` on a terminal, otherwise `json`.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object per line, for programs.
    Json,
}
