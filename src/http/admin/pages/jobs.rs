//! A job that runs in the background: how far it is, the button that stops it, and what came of it.

use actix_web::{
    HttpRequest,
    http::header::ACCEPT,
    web::{self, ServiceConfig},
};
use askama::Template;
use rust_i18n::t;
use serde::Serialize;

use crate::{
    clock::Timestamp,
    domain::{
        job::{BulkAction, JobState, StartedBy},
        principal::UserType,
        session::JobId,
    },
    http::admin::web::{
        error::{AdminError, PageResult},
        form::Form,
        layout::Layout,
        notice::Notice,
        panel::{Panel, PanelAdmin},
    },
    services::maintenance::{
        job_report::{BulkReport, JobFailure, Report},
        jobs::{self, Job},
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/jobs/{id}")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        )
        .service(web::resource("/jobs/{id}/stop").route(web::post().to(stop)));
}

#[derive(Template)]
#[template(path = "admin/jobs/show.html")]
struct JobPage {
    l: Layout,
    title: String,
    back: &'static str,
    back_text: String,
    job: JobView,
    by: String,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    /// Label and number of each line of the report, the lines of nothing left out.
    numbers: Vec<(String, u64)>,
    /// Sentences of the report.
    sentences: Vec<String>,
}

/// A job's bar, as pages show it.
pub(crate) struct JobView {
    /// Its page.
    pub url: String,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: &'static str,
    /// The state in the viewer's words.
    pub state_text: String,
    /// The colour of the state's badge.
    pub kind: &'static str,
    /// How far it is, or what came of it.
    pub text: String,
    /// How much there is to do; zero before that is known.
    pub total: u64,
    /// How much is done.
    pub done: u64,
    /// Whether it goes on.
    pub is_running: bool,
    /// Whether somebody asked it to stop.
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
            l.t(&format!("job_state.{}", job.state))
        };
        Self {
            url: url(&job.id),
            state: job.state.as_str(),
            state_text,
            kind,
            text: progress(l, job),
            total: job.total,
            done: job.done,
            is_running,
            is_stopping,
        }
    }
}

/// The page of a job.
pub(crate) fn url(id: &JobId) -> String {
    format!("/admin/jobs/{id}")
}

/// Who began a job.
pub(crate) fn by(l: &Layout, started_by: &StartedBy) -> String {
    match started_by {
        StartedBy::Server => l.t("door.server"),
        StartedBy::CommandLine => l.t("door.command_line"),
        StartedBy::Account(name) => name.clone(),
    }
}

/// How far it is: counted in rows, or in people.
fn progress(l: &Layout, job: &Job) -> String {
    if job.state == JobState::Running && job.total == 0 && job.done == 0 {
        return l.t("job.counting");
    }
    let key = match &job.report {
        Some(Report::Bulk(bulk)) if bulk.user_type == UserType::Client => "admin.job.of_clients",
        Some(Report::Bulk(_)) => "admin.job.of_users",
        Some(Report::Flush(_)) | None => "admin.job.of_rows",
    };
    t!(
        key,
        locale = l.language,
        done = l.number(job.done),
        total = l.number(job.total)
    )
    .into_owned()
}

fn title(l: &Layout, job: &Job) -> String {
    match &job.report {
        Some(Report::Bulk(BulkReport {
            user_type, action, ..
        })) => l.t(&format!("bulk_job.{action}_{user_type}")),
        Some(Report::Flush(_)) | None => l.t("flush.job_title"),
    }
}

/// The section of the panel that a job belongs to, and the page that one comes from.
fn home(job: &Job) -> (&'static str, &'static str) {
    match &job.report {
        Some(Report::Bulk(bulk)) if bulk.user_type == UserType::Client => {
            ("clients", "/admin/clients")
        }
        Some(Report::Bulk(_)) => ("users", "/admin/users"),
        Some(Report::Flush(_)) | None => ("blacklist", "/admin/blacklist"),
    }
}

/// What a job did, line by line.
fn numbers(l: &Layout, job: &Job) -> Vec<(String, u64)> {
    match &job.report {
        Some(Report::Flush(counts)) => counts
            .tables()
            .into_iter()
            .filter(|(_, rows)| *rows > 0)
            .map(|(table, rows)| (l.t(&format!("flush_table.{}", table.name())), rows))
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
        None => Vec::new(),
    }
}

/// What there is to say besides the numbers.
fn sentences(l: &Layout, job: &Job) -> Vec<String> {
    let mut sentences = Vec::new();
    match job.state {
        JobState::Stopped => sentences.push(l.t("job.stopped_text")),
        JobState::Failed => sentences.push(l.t(match job.failure {
            Some(JobFailure::Unavailable) => "job.failure_unavailable",
            Some(JobFailure::Internal) => "job.failure_internal",
            Some(JobFailure::Killed) | None => "job.failure_killed",
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
                sentences.push(l.t1("job.skipped_last", name));
            }
        }
        Some(Report::Flush(counts)) if job.state == JobState::Done && counts.total() == 0 => {
            sentences.push(l.t("flush.found_nothing"));
        }
        Some(Report::Flush(_)) | None => {}
    }
    sentences
}

async fn job_of(panel: &Panel, id: &str) -> Result<Job, AdminError> {
    let id = JobId::parse(id).ok_or(AdminError::NotFound)?;
    let job = jobs::find(panel.services(), &id).await?;
    job.ok_or(AdminError::NotFound)
}

/// What our own script asks for.
#[derive(Serialize)]
struct Progress {
    state: &'static str,
    total: u64,
    done: u64,
    text: String,
    title: String,
}

/// `GET /admin/jobs/{id}`. **Permissions**: administrators and auditors. 200 (a page, or JSON where that is asked for),
/// 404.
async fn show(panel: Panel, id: web::Path<String>, request: HttpRequest) -> PageResult {
    let job = job_of(&panel, &id).await?;
    let (section, back) = home(&job);
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
        by: by(&l, &job.started_by),
        started_at: job.started_at,
        finished_at: job.finished_at,
        numbers: numbers(&l, &job),
        sentences: sentences(&l, &job),
        l,
    })
}

/// `POST /admin/jobs/{id}/stop`. **Permissions**: administrators. 303 back to the job, 403, 404.
async fn stop(form: Form<PanelAdmin>, id: web::Path<String>) -> PageResult {
    let panel = &form.panel;
    let job = job_of(panel, &id).await?;
    jobs::stop(panel.services(), &panel.actor(), &job.id).await?;
    let to = url(&job.id);
    if job.state == JobState::Running {
        let notice = Notice::ok(panel.t("job.will_stop"));
        return panel.redirect_with(&to, &notice);
    }
    panel.redirect_with(&to, &Notice::warn(panel.t("job.has_ended")))
}
