//! The database of an import: what a dry run only reads, and what a run writes.

use std::sync::Arc;

use crate::config::RolesConfig;
use crate::domain::audit::Action;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::import::error::ImportError;
use crate::services::import::last_administrator::Administrators;
use crate::services::import::report::Report;
use crate::store::imports::transaction::Destination;
use crate::store::{Db, StoreError, Target};

/// What is done with what is read.
pub enum Mode {
    /// Nothing is written.
    DryRun {
        /// The database, if there is one.
        connection: Option<Db>,
        /// The configured roles.
        roles: Arc<RolesConfig>,
    },
    /// It is written.
    Write {
        /// The database.
        target: Target,
        /// Writes the audit event of the run.
        audit_context: Box<AuditContext>,
        /// The configured roles.
        roles: Arc<RolesConfig>,
        /// What is imported, for the audit event.
        source: String,
    },
}

/// The database.
pub(super) enum Access {
    DryRun {
        connection: Option<Db>,
        roles: Arc<RolesConfig>,
        administrators: Box<Administrators>,
    },
    Write {
        destination: Box<Destination>,
        audit_context: Box<AuditContext>,
        roles: Arc<RolesConfig>,
        source: String,
        pauses: bool,
    },
}

impl Access {
    pub(super) fn open(mode: Mode) -> Result<Self, StoreError> {
        Ok(match mode {
            Mode::DryRun {
                mut connection,
                roles,
            } => Self::DryRun {
                administrators: Box::new(match &mut connection {
                    Some(connection) => Administrators::read(connection, &roles)?,
                    None => Administrators::default(),
                }),
                connection,
                roles,
            },
            Mode::Write {
                target,
                audit_context,
                roles,
                source,
            } => {
                let destination = Destination::open(&target)?;
                let is_sqlite = matches!(target, Target::Sqlite { .. });
                Self::Write {
                    // A server beside this process needs its turn.
                    pauses: is_sqlite && !destination.is_bulk(),
                    destination: Box::new(destination),
                    audit_context,
                    roles,
                    source,
                }
            }
        })
    }

    /// Reads; `None` if there is no database.
    pub(super) fn read<T>(
        &mut self,
        f: impl FnOnce(&mut Db) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Self::DryRun { connection, .. } => connection.as_mut().map(f).transpose(),
            Self::Write { destination, .. } => destination.read(f).map(Some),
        }
    }

    pub(super) fn is_bulk(&self) -> bool {
        matches!(self, Self::Write { destination, .. } if destination.is_bulk())
    }

    /// Records the run and ends it.
    pub(super) fn finish(&mut self, report: &Report) -> Result<(), ImportError> {
        if let Self::Write {
            destination,
            audit_context,
            source,
            ..
        } = self
        {
            let event = event(report, source);
            destination.write(|connection| audit_context.record(connection, &event))?;
            destination.finish()?;
        }
        Ok(())
    }

    /// Records a run that failed. An import into a new database has written nothing.
    pub(super) fn fail(&mut self, report: &mut Report) {
        if let Self::Write {
            destination,
            audit_context,
            source,
            ..
        } = self
        {
            if destination.is_bulk() {
                destination.abandon();
                *report = Report {
                    problems: report.problems,
                    ..Report::default()
                };
            }
            let event = event(report, source).with_detail("failed", true);
            let recorded = destination.write(|connection| audit_context.record(connection, &event));
            if let Err(error) = recorded {
                tracing::error!(%error, "the failed import could not be recorded");
            }
        }
    }
}

/// The audit event of a run.
fn event(report: &Report, source: &str) -> Event {
    let mut event = Event::new(Action::AccountsImported).with_detail("source", source);
    for (name, counts) in [("users", &report.users), ("clients", &report.clients)] {
        event = event
            .with_detail(&format!("{name}_created"), counts.created)
            .with_detail(&format!("{name}_updated"), counts.updated)
            .with_detail(&format!("{name}_refused"), counts.refused);
    }
    event
        .with_detail("tokens_live", report.tokens.live)
        .with_detail("tokens_blacklisted", report.tokens.blacklisted)
        .with_detail("problems", report.problems)
        .with_detail("stopped", report.stopped)
}
