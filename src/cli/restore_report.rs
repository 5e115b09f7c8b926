//! What a restore prints.

use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::{output, sessions};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::services::backup::restored::{Origin, Settled};

/// A restore that was done.
pub(super) struct Restored {
    /// The backup; `None` for a copy that was put back by hand.
    pub(super) backup: Option<PathBuf>,
    /// The version that made the backup, and when the database was as it is in it.
    pub(super) contents: Option<(String, Timestamp)>,
    /// What is known of the copy.
    pub(super) origin: Origin,
    /// What was ended.
    pub(super) settled: Settled,
    /// How many audit events were verified.
    pub(super) events: i64,
    /// The migrations that were run.
    pub(super) migrations: Vec<String>,
    /// The files of keys that were written.
    pub(super) keys: Vec<PathBuf>,
}

/// What a restore undoes.
const UNDONE: &str = "what changed since then: passwords, roles, deactivated and deleted accounts, second factors, used recovery \
     codes, revoked signing keys, secrets of services. Change again what must not be as it was";

impl Restored {
    pub(super) fn print(&self, config: &Config, as_json: bool) -> Result<ExitCode, CliError> {
        if as_json {
            return self.print_json();
        }
        let database = database_name(config);
        match &self.contents {
            Some((version, created_at)) => output::line(&format!(
                "The database ({database}) is as it was at {created_at} (backup of munjigi {version})."
            ))?,
            None => output::line(&format!("The database ({database}) is marked as put back."))?,
        };
        for (name, text) in self.lines() {
            output::line(&format!("  {name:<11} {text}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let audit_log = match self.origin.violations {
            0 => format!("intact (events: {})", self.events),
            violations => format!("NOT intact (violations: {violations})"),
        };
        lines.push(("audit log", audit_log));
        if let Some(missing) = &self.origin.missing_link {
            lines.push((
                "missing",
                format!(
                    "the events after {}, up to {missing}, which was known here",
                    self.origin.last_link
                ),
            ));
        }
        let counted = sessions::counted(self.settled.live);
        let sessions = if self.settled.are_kept {
            format!(
                "kept: {counted}. Sessions that have ended since then are live again, and a refresh token that was used since \
                 then works once more, while those that were issued since then are refused; `munjigi sessions end` ends them"
            )
        } else {
            format!("ended: {counted}; everyone logs in again")
        };
        lines.push(("sessions", sessions));
        lines.push((
            "withdrawn",
            format!(
                "open links, codes and second steps: {}",
                self.settled.withdrawn
            ),
        ));
        for migration in &self.migrations {
            lines.push(("schema", format!("ran {migration}")));
        }
        for key in &self.keys {
            lines.push(("key", format!("{} was written", key.display())));
        }
        lines.push(("undone", UNDONE.to_owned()));
        lines
    }

    fn print_json(&self) -> Result<ExitCode, CliError> {
        let (version, created_at) = self.contents.clone().unzip();
        let (live, origin) = (self.settled.live, &self.origin);
        output::json(&json!({
            "backup": self.backup, "backup_of": created_at, "version": version,
            "audit_events": self.events, "violations": origin.violations,
            "last_link": origin.last_link, "missing_link": origin.missing_link,
            "sessions": live.sessions, "panel_sessions": live.panel_sessions, "sessions_kept": self.settled.are_kept,
            "withdrawn": self.settled.withdrawn, "migrations": self.migrations, "keys": self.keys,
        }))
    }
}
