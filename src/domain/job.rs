//! Work that goes on in the background: what kinds there are, how each fares, and who began it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::{
    audit::{Actor, AuditSource},
    text_enum::text_enum,
};

text_enum! {
    /// What a job does.
    JobKind {
        /// Takes out what has expired.
        Flush = "flush",
        /// Changes many accounts.
        Bulk = "bulk",
    }
}

text_enum! {
    /// How a job fares.
    JobState {
        /// It goes on.
        Running = "running",
        /// It did all it was to do.
        Done = "done",
        /// Somebody stopped it, or the server that ran it was stopped.
        Stopped = "stopped",
        /// It met a failure, or its process ended under it.
        Failed = "failed",
    }
}

text_enum! {
    /// What is done to many accounts.
    BulkAction {
        /// They may log in.
        Activate = "activate",
        /// They may not log in any more, and their sessions end.
        Deactivate = "deactivate",
        /// Their sessions end.
        EndSessions = "end_sessions",
        /// They are deleted.
        Delete = "delete",
    }
}

impl Serialize for BulkAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for BulkAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::from_word(&word).ok_or_else(|| de::Error::custom("not an action on many accounts"))
    }
}

/// Who began a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// The server, because it was time.
    Server,
    /// The operator at the command line.
    CommandLine,
    /// An account, by its name at that time.
    Account(String),
}

impl StartedBy {
    /// The one who acts.
    #[must_use]
    pub fn actor(actor: &Actor) -> Self {
        match (&actor.name, actor.door) {
            (_, AuditSource::CommandLine) => Self::CommandLine,
            (Some(name), _) => Self::Account(name.clone()),
            (None, _) => Self::Server,
        }
    }

    /// The text that is stored. An account's name is an address, so no name is this word.
    #[must_use]
    pub fn stored(&self) -> Option<&str> {
        match self {
            Self::Server => None,
            Self::CommandLine => Some(AuditSource::CommandLine.as_str()),
            Self::Account(name) => Some(name),
        }
    }

    /// Reads the stored text.
    #[must_use]
    pub fn read(stored: Option<String>) -> Self {
        match stored {
            None => Self::Server,
            Some(name) if name == AuditSource::CommandLine.as_str() => Self::CommandLine,
            Some(name) => Self::Account(name),
        }
    }
}
