//! `[log]`: how much is logged, and in which form. Setting up the log is the command line's.

use serde::{Deserialize, Serialize};

/// How much is logged, and in which form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The least severe messages that are shown.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
}

/// The least severe messages that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may need attention.
    Warn,
    /// And what happens in a normal day.
    #[default]
    Info,
    /// And what helps to find a fault.
    Debug,
    /// And everything else.
    Trace,
}

impl LogLevel {
    /// The level's word, which is also its directive for `tracing`.
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

/// The form of a line in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `pretty` on a terminal, else `json`.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object per line, for programs.
    Json,
}
