//! Background jobs: their kinds, their states, and who started them.

use crate::domain::audit::{Actor, AuditSource};
use crate::domain::text_enum::text_enum;

text_enum! {
    /// The kind of a job.
    JobKind {
        /// Deletes expired rows.
        Flush = "flush",
        /// Changes many accounts, or ends many sessions.
        Bulk = "bulk",
    }
}

text_enum! {
    /// The state of a job.
    JobState {
        /// It is running.
        Running = "running",
        /// It has done all its work.
        Done = "done",
        /// It was stopped by a user, or with the server that ran it.
        Stopped = "stopped",
        /// It failed, or its process was killed.
        Failed = "failed",
    }
}

text_enum! {
    /// An action on many accounts.
    BulkAction {
        /// Allows them to log in.
        Activate = "activate",
        /// Forbids them to log in, and ends their sessions.
        Deactivate = "deactivate",
        /// Ends their sessions.
        EndSessions = "end_sessions",
        /// Deletes them.
        Delete = "delete",
    }
}

/// Who started a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// The server, at its regular time.
    Server,
    /// The operator with the CLI.
    CommandLine,
    /// A user, by the e-mail address at that time.
    Account(String),
    /// A service over the admin API, by its name.
    Service(String),
}

impl StartedBy {
    /// What the stored name of a service begins with. No login name of an account contains it.
    const SERVICE: &'static str = "service:";

    /// The job is started by this actor.
    #[must_use]
    pub fn actor(actor: &Actor) -> Self {
        match (&actor.name, actor.source) {
            (_, AuditSource::CommandLine) => Self::CommandLine,
            (Some(name), _) if actor.principal.is_none() => Self::Service(name.clone()),
            (Some(name), _) => Self::Account(name.clone()),
            (None, _) => Self::Server,
        }
    }

    /// The stored text. A login name never equals the word for the CLI.
    #[must_use]
    pub fn stored(&self) -> Option<String> {
        match self {
            Self::Server => None,
            Self::CommandLine => Some(AuditSource::CommandLine.as_str().to_owned()),
            Self::Account(name) => Some(name.clone()),
            Self::Service(name) => Some(format!("{}{name}", Self::SERVICE)),
        }
    }

    /// Reads a stored text.
    #[must_use]
    pub fn read(stored: Option<String>) -> Self {
        match stored {
            None => Self::Server,
            Some(name) if name == AuditSource::CommandLine.as_str() => Self::CommandLine,
            Some(name) => match name.strip_prefix(Self::SERVICE) {
                Some(service) => Self::Service(service.to_owned()),
                None => Self::Account(name),
            },
        }
    }
}
