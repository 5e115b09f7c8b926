//! `[backup]`: backups that the server makes at intervals.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::database::Database;
use crate::config::error::{Checks, check_ranges};
use crate::config::values::Span;

/// Backups that the server makes at intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// The directory for the files; `None` means that the server makes no backups.
    pub directory: Option<PathBuf>,
    /// The time between two backups.
    pub interval: Span,
    /// How many backups are kept.
    pub keep: u32,
    /// The age recipient that they are encrypted to.
    pub recipient: Option<String>,
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self {
            directory: None,
            interval: Span::days(1),
            keep: 14,
            recipient: None,
        }
    }
}

impl BackupConfig {
    pub(super) fn check(&self, database: &Database, checks: &mut Checks) {
        check_ranges!(checks, "backup", self, {
            interval: Span::minutes(10)..=Span::days(30),
            keep: 1..=10_000,
        });
        let recipient = self.recipient.as_deref();
        if recipient.is_some_and(|text| text.parse::<age::x25519::Recipient>().is_err()) {
            checks.refuse(
                "backup.recipient",
                "not an age recipient: give the public key that `age-keygen` prints, which begins with `age1`",
            );
        }
        if self.directory.is_none() {
            return;
        }
        if recipient.is_none() {
            checks.refuse(
                "backup.recipient",
                "required if `backup.directory` is set: give the public key that `age-keygen` prints, which begins with `age1`",
            );
        }
        if matches!(database, Database::Postgres(_)) {
            checks.refuse(
                "backup.directory",
                "is for SQLite: remove it, and back up Postgres with `pg_dump` (see docs/backup.md)",
            );
        }
    }
}
