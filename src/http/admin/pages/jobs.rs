//! Background jobs: progress, the button that stops one, and the report.

use std::time::Instant;

use actix_web::{HttpRequest, http::header::ACCEPT, web::Path};
use askama::Template;
use rust_i18n::t;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::job::{BulkAction, JobState, StartedBy};
use crate::domain::principal::UserType;
use crate::domain::session::JobId;
use crate::http::admin::pages::people::account::section;
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::maintenance::job_report::{BulkReport, JobFailure, Report};
use crate::services::maintenance::jobs::{self, Job, Started};

#[derive(Template)]
#[template(path = "admin/jobs/show.html")]
struct JobPage {
    l: Layout,
    title: String,
    back: String,
    back_text: String,
    job: JobView,
    started_by: String,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    /// Labels and counts of the report, without zeros.
    numbers: Vec<(String, u64)>,
    /// Sentences of the report.
    sentences: Vec<String>,
    /// Whether a flush was stopped, which a new one continues.
    can_go_on: bool,
}

/// The progress bar of a job.
pub(crate) struct JobView {
    /// The job's page.
    pub url: String,
    pub stop_path: String,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: &'static str,
    /// The state in the viewer's language.
    pub state_text: String,
    /// The kind of the state's badge.
    pub kind: &'static str,
    /// The progress, or the result.
    pub text: String,
    /// Zero until the items are counted.
    pub total: u64,
    pub done: u64,
    pub is_running: bool,
    /// Whether a user may stop it.
    pub can_stop: bool,
    /// Whether a stop was requested.
    pub is_stopping: bool,
}

impl JobView {
    pub(crate) fn new(l: &Layout, job: &Job) -> Self {
        let is_running = job.state == JobState::Running;
        let is_stopping = is_running && job.stop_requested;
        let kind = match job.state {
            JobState::Running => "info",
            JobState::Done => "ok",
            JobState::Stopped => "warn",
            JobState::Failed => "danger",
        };
        let state_text = if is_stopping {
            l.t("job.stopping")
        } else {
            l.word("job_state", job.state)
        };
        Self {
            url: paths::job(&job.id),
            stop_path: paths::stop_job(&job.id),
            state: job.state.as_str(),
            state_text,
            kind,
            text: progress(l, job),
            total: job.total,
            done: job.done,
            is_running,
            can_stop: job.can_stop(),
            is_stopping,
        }
    }
}

/// Who started a job.
pub(crate) fn started_by(l: &Layout, started_by: &StartedBy) -> String {
    match started_by {
        StartedBy::Server => l.t("source.server"),
        StartedBy::CommandLine => l.t("source.command_line"),
        StartedBy::Account(name) | StartedBy::Service(name) => name.clone(),
    }
}

/// A job that finishes while the answer may wait; none for one that takes longer or fails.
pub(crate) async fn finished_soon(
    panel: &Panel,
    mut started: Started,
) -> Result<Option<Job>, AdminError> {
    let may_wait = jobs::may_wait(panel.services(), Instant::now());
    if !started.wait(may_wait).await {
        return Ok(None);
    }
    let job = jobs::find(panel.services(), &started.job).await?;
    Ok(job.filter(|job| job.state == JobState::Done))
}

/// The progress in rows or accounts.
fn progress(l: &Layout, job: &Job) -> String {
    if job.state == JobState::Running && job.total == 0 && job.done == 0 {
        return l.t("job.counting");
    }
    let key = match &job.report {
        Some(Report::Bulk(bulk)) if bulk.user_type == UserType::Client => "admin.job.of_clients",
        Some(Report::Bulk(_)) => "admin.job.of_users",
        Some(Report::Sessions(_) | Report::Key(_)) => "admin.job.of_sessions",
        Some(Report::Flush(_)) | None => "admin.job.of_rows",
    };
    let text = t!(
        key,
        locale = l.language,
        done = l.number(job.done),
        total = l.number(job.total)
    );
    match (job.state, remaining(l, job)) {
        (JobState::Running, Some(remaining)) => format!("{text} · {remaining}"),
        _ => text.into_owned(),
    }
}

/// The percentage and the time that is left at the speed so far, such as `39 %, about 3 seconds left`.
fn remaining(l: &Layout, job: &Job) -> Option<String> {
    let percent = (job.done * 100).checked_div(job.total)?;
    let left = job.total.saturating_sub(job.done);
    let elapsed = u64::try_from(l.now.since(job.started_at).as_millis()).ok()?;
    let seconds = elapsed
        .checked_mul(left)?
        .checked_div(job.done)?
        .div_ceil(1_000);
    let (key, n) = if seconds < 100 {
        ("job.seconds_left", seconds)
    } else {
        ("job.minutes_left", seconds.div_ceil(60))
    };
    Some(format!("{percent} % · {}", l.tr_count(key, n)))
}

/// What a job does.
pub(crate) fn title(l: &Layout, job: &Job) -> String {
    match &job.report {
        Some(Report::Bulk(BulkReport {
            user_type, action, ..
        })) => l.t(&format!("bulk_job.{action}_{user_type}")),
        Some(Report::Sessions(_)) => l.t("sessions.job"),
        Some(Report::Key(_)) => l.t("signing_keys.job"),
        Some(Report::Flush(_)) | None => l.t("flush.job_title"),
    }
}

/// The section of the panel that a job belongs to, and its page.
fn origin(job: &Job) -> (&'static str, String) {
    match &job.report {
        Some(Report::Bulk(bulk)) => (
            section(bulk.user_type),
            paths::people(bulk.user_type).to_string(),
        ),
        Some(Report::Sessions(_)) => ("sessions", paths::SESSIONS.to_owned()),
        Some(Report::Key(_)) => ("keys", paths::KEYS.to_owned()),
        Some(Report::Flush(_)) | None => ("blacklist", paths::BLACKLIST.to_owned()),
    }
}

/// The counts of the report.
fn numbers(l: &Layout, job: &Job) -> Vec<(String, u64)> {
    match &job.report {
        Some(Report::Flush(counts)) => counts
            .tables()
            .into_iter()
            .filter(|(_, rows)| *rows > 0)
            .map(|(table, rows)| (l.word("flush_table", table.as_str()), rows))
            .collect(),
        Some(Report::Bulk(bulk)) => [
            (format!("bulk_changed.{}", bulk.action), bulk.changed),
            (format!("bulk_unchanged.{}", bulk.action), bulk.unchanged),
            ("job.gone".to_owned(), bulk.gone),
        ]
        .into_iter()
        .filter(|(key, number)| *number > 0 || key.starts_with("bulk_changed"))
        .map(|(key, number)| (l.t(&key), number))
        .collect(),
        Some(Report::Sessions(report)) => [
            ("sessions.ended", report.ended),
            ("sessions.ended_before", report.unchanged),
        ]
        .into_iter()
        .filter(|(key, number)| *number > 0 || *key == "sessions.ended")
        .map(|(key, number)| (l.t(key), number))
        .collect(),
        Some(Report::Key(report)) => vec![(l.t("sessions.ended"), report.ended)],
        None => Vec::new(),
    }
}

/// The sentences of the report.
fn sentences(l: &Layout, job: &Job) -> Vec<String> {
    let mut sentences = Vec::new();
    match job.state {
        JobState::Stopped | JobState::Failed if matches!(job.report, Some(Report::Key(_))) => {
            sentences.push(l.t("signing_keys.job_goes_on"));
        }
        JobState::Stopped => sentences.push(l.t("job.stopped_text")),
        JobState::Failed => sentences.push(l.t(match job.failure {
            Some(JobFailure::Unavailable) => "job.failed_unavailable",
            Some(JobFailure::Forbidden) => "job.failed_forbidden",
            Some(JobFailure::Internal) => "job.failed_internal",
            Some(JobFailure::Killed) | None => "job.failed_killed",
        })),
        JobState::Running | JobState::Done => {}
    }
    match &job.report {
        Some(Report::Bulk(bulk)) => {
            if bulk.skipped_self {
                sentences.push(l.t(if bulk.action == BulkAction::EndSessions {
                    "job.skipped_own_sessions"
                } else {
                    "job.skipped_self"
                }));
            }
            if let Some(name) = &bulk.skipped_last_administrator {
                sentences.push(l.tr_with("job.skipped_last", name));
            }
        }
        Some(Report::Flush(counts)) if job.state == JobState::Done && counts.total() == 0 => {
            sentences.push(l.t("flush.found_nothing"));
        }
        Some(Report::Key(report)) => {
            sentences.push(l.tr_with("signing_keys.job_text", &report.kid));
        }
        Some(Report::Flush(_) | Report::Sessions(_)) | None => {}
    }
    sentences
}

async fn job_of(panel: &Panel, id: &str) -> Result<Job, AdminError> {
    let id = JobId::parse(id).ok_or(AdminError::NotFound)?;
    let job = jobs::find(panel.services(), &id).await?;
    job.ok_or(AdminError::NotFound)
}

/// The JSON that `app.js` polls.
#[derive(Serialize)]
struct Progress {
    state: &'static str,
    total: u64,
    done: u64,
    text: String,
    title: String,
}

/// `GET /admin/jobs/{id}`. **Permissions**: administrators and auditors. 200 (a page, or JSON for `Accept:
/// application/json`), 404.
pub(crate) async fn show(panel: Panel, id: Path<String>, request: HttpRequest) -> PageResult {
    let job = job_of(&panel, &id).await?;
    let (section, back) = origin(&job);
    let l = panel.layout(section);
    let (title, view) = (title(&l, &job), JobView::new(&l, &job));
    let accept = request.headers().get(ACCEPT);
    if accept.is_some_and(|value| value.as_bytes().starts_with(b"application/json")) {
        return panel.json(&Progress {
            state: view.state,
            total: view.total,
            done: view.done,
            text: view.text,
            title,
        });
    }
    panel.page(&JobPage {
        title,
        back,
        back_text: l.t(&format!("nav.{section}")),
        job: view,
        started_by: started_by(&l, &job.started_by),
        started_at: job.started_at,
        finished_at: job.finished_at,
        numbers: numbers(&l, &job),
        sentences: sentences(&l, &job),
        can_go_on: job.state == JobState::Stopped && matches!(job.report, Some(Report::Flush(_))),
        l,
    })
}

/// `POST /admin/jobs/{id}/stop`. **Permissions**: administrators. 303 back to the job, 403, 404.
pub(crate) async fn stop(form: Form<PanelAdmin>, id: Path<String>) -> PageResult {
    let panel = &form.panel;
    let job = job_of(panel, &id).await?;
    let path = paths::job(&job.id);
    if job.state == JobState::Running && !job.can_stop() {
        return panel.redirect_warn(&path, panel.t("signing_keys.job_no_stop"));
    }
    jobs::stop(panel.services(), &panel.actor(), &job.id).await?;
    if job.state == JobState::Running {
        return panel.redirect_ok(&path, panel.t("job.will_stop"));
    }
    panel.redirect_warn(&path, panel.t("job.already_ended"))
}
