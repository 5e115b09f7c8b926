//! What a job has done so far, as it is stored with the job.

use serde::{Deserialize, Serialize};

use crate::domain::audit::{Action, Subject};
use crate::domain::job::{BulkAction, JobKind};
use crate::domain::principal::UserType;
use crate::domain::session::JobId;
use crate::services::audit::log::Event;
use crate::services::maintenance::flush_counts::FlushCounts;

/// What a job has done so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The rows that a flush has deleted.
    Flush(FlushCounts),
    /// The results of a bulk change.
    Bulk(BulkReport),
    /// The sessions that were ended.
    Sessions(SessionsReport),
    /// The sessions of a revoked signing key that were ended.
    Key(KeyReport),
}

/// The results of ending the sessions of a revoked signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReport {
    /// The key.
    pub kid: String,
    /// How many sessions were ended.
    pub ended: u64,
}

/// The results of ending many sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsReport {
    /// How many sessions were ended.
    pub ended: u64,
    /// How many sessions had ended before.
    pub unchanged: u64,
}

/// The results of a bulk change of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkReport {
    /// The population.
    pub user_type: UserType,
    /// The action.
    pub action: BulkAction,
    /// How many accounts were changed.
    pub changed: u64,
    /// How many accounts needed no change.
    pub unchanged: u64,
    /// How many accounts no longer existed.
    pub gone: u64,
    /// Whether the account of the user who started the job was skipped.
    pub skipped_self: bool,
    /// The e-mail address of the last administrator, if that account was skipped.
    pub skipped_last_administrator: Option<String>,
}

impl BulkReport {
    /// The report of a job that has not changed anything yet.
    #[must_use]
    pub fn new(user_type: UserType, action: BulkAction) -> Self {
        Self {
            user_type,
            action,
            changed: 0,
            unchanged: 0,
            gone: 0,
            skipped_self: false,
            skipped_last_administrator: None,
        }
    }
}

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobFailure {
    /// The database was unavailable or overloaded.
    Unavailable,
    /// The user who started it is no longer an active administrator.
    Forbidden,
    /// An internal error, which was logged.
    Internal,
    /// The process that ran it was killed.
    Killed,
}

impl JobFailure {
    /// The word in the column `details`, and in audit events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Forbidden => "forbidden",
            Self::Internal => "internal",
            Self::Killed => "killed",
        }
    }
}

/// The content of the column `details`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) report: Report,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<JobFailure>,
}

impl Details {
    pub(crate) fn encode(report: Report, failure: Option<JobFailure>) -> String {
        serde_json::to_string(&Self { report, failure }).unwrap_or_default()
    }
}

/// The event of a failed job, if it is a flush.
pub(crate) fn failure_event(kind: JobKind, id: &JobId, failure: JobFailure) -> Option<Event> {
    let event = Event::new(Action::FlushFailed).to(subject(id));
    let event = event.with_detail("failure", failure.as_str());
    (kind == JobKind::Flush).then_some(event)
}

/// A job as the subject of an event.
pub(crate) fn subject(id: &JobId) -> Subject {
    Subject::named(id.to_string())
}
