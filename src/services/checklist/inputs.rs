//! The inputs of the checks: the configuration, the key, the files and the database. Reading them creates and changes
//! nothing.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::config::Config;
use crate::services::checklist::files::{DataFiles, FileInfo};
use crate::services::checklist::rows::Rows;
use crate::services::checklist::unknown::Unknown;
use crate::services::ignored_proxies::IgnoredProxy;
use crate::tokens::KeyStrength;

/// The inputs of the checks.
pub struct Inputs<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The present time.
    pub now: Timestamp,
    /// How long the server has been running; `None` for the CLI.
    pub uptime: Option<Duration>,
    /// A peer whose forwarded headers the server has ignored; `None` for the CLI.
    pub ignored_proxy: Option<IgnoredProxy>,
    /// The strength of the master key.
    pub key: Result<KeyStrength, Unknown>,
    /// The length of the key of Django in bytes; `None` if there is none.
    pub django_key: Result<Option<usize>, Unknown>,
    /// The key file; `None` if the key is not in a file.
    pub key_file: Option<Result<FileInfo, Unknown>>,
    /// The data directory and the database files.
    pub data: DataFiles,
    /// The data from the database.
    pub rows: Rows,
}

/// The whole days of a duration.
pub(super) fn days(duration: Duration) -> u64 {
    duration.as_secs() / 86_400
}
