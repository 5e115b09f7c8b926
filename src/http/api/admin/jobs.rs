//! `/api/jobs`: the state of a background job.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::job::{JobKind, JobState};
use crate::domain::session::JobId;
use crate::http::api::admin::granted::Granted;
use crate::http::api::answer::Answer;
use crate::http::api::errors::ApiError;
use crate::services::Services;
use crate::services::maintenance::job_report::Report;
use crate::services::maintenance::jobs::{self, Job};

/// A background job.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub(in crate::http::api) struct JobView {
    /// The id.
    id: JobId,
    /// The kind.
    kind: JobKind,
    /// The state.
    state: JobState,
    /// Who started it: a login name, `service:` and the name of a service, or `command_line`; `null` for the server.
    #[schemars(example = &"service:ops")]
    started_by: Option<String>,
    /// The amount of work; 0 until it was counted.
    #[schemars(example = 1200)]
    total: u64,
    /// The amount of work that is done.
    #[schemars(example = 500)]
    done: u64,
    /// The rows that a flush has deleted, by table; `null` for other jobs.
    deleted: Option<BTreeMap<String, u64>>,
    /// When it started.
    started_at: Timestamp,
    /// When it ended; `null` while it is running.
    finished_at: Option<Timestamp>,
}

impl JobView {
    pub(super) fn new(job: Job) -> Self {
        let deleted = match &job.report {
            Some(Report::Flush(counts)) => {
                let tables = counts.tables().into_iter();
                let tables = tables.map(|(table, rows)| (table.to_string(), rows));
                let events = ("audit_events".to_owned(), counts.audit_events);
                Some(tables.chain([events]).collect())
            }
            Some(Report::Bulk(_) | Report::Sessions(_) | Report::Key(_)) | None => None,
        };
        Self {
            id: job.id,
            kind: job.kind,
            state: job.state,
            started_by: job.started_by.stored(),
            total: job.total,
            done: job.done,
            deleted,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

/// `GET /api/jobs/{id}`: a job with its progress.
///
/// **Permissions**: `admin:jobs:read`. `200` `JOB`; `401`, `403`, `404`, `503`.
pub(in crate::http::api) async fn show(
    services: web::Data<Services>,
    _: Granted,
    request: HttpRequest,
) -> Result<Answer<JobView>, ApiError> {
    let id = request.match_info().get("id").and_then(JobId::parse);
    let id = id.ok_or(ApiError::NotFound)?;
    let job = jobs::find(&services, &id).await?;
    let job = job.ok_or(ApiError::NotFound)?;
    Ok(Answer::ok("JOB", JobView::new(job)))
}
