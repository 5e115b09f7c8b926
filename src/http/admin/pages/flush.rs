//! The flush as the blacklist's page shows it: what waits for it, the last one and the next, and the button.

use std::time::Duration;

use actix_web::web::{self, ServiceConfig};
use rust_i18n::t;

use crate::{
    clock::Timestamp,
    domain::job::JobState,
    http::admin::{
        pages::jobs::{JobView, by, url},
        web::{
            error::{AdminError, PageResult},
            form::Form,
            layout::Layout,
            notice::Notice,
            panel::{Panel, PanelAdmin},
        },
    },
    services::maintenance::{
        flush::{self, Waiting},
        job_report::Report,
        jobs::{self, Job, Started},
    },
};

/// How long a page waits for a job that may be a matter of a moment.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/blacklist/flush").route(web::post().to(start)));
}

/// The panel above the blacklist: the field `flush` of the page that includes `admin/blacklist/_flush.html`.
pub(crate) struct FlushPanel {
    /// How many rows wait, in words.
    pub title: String,
    /// Since when the first of them has waited.
    pub since: Option<Timestamp>,
    /// What waits: the kind of row, and how many.
    pub waiting: Vec<(String, String)>,
    /// The flush that runs.
    pub running: Option<JobView>,
    /// The last one that has ended.
    pub last: Option<LastFlush>,
    /// When this server flushes by itself.
    pub next: Option<Timestamp>,
}

/// The last flush that has ended.
pub(crate) struct LastFlush {
    /// Its page.
    pub url: String,
    /// When it ended.
    pub at: Timestamp,
    /// What came of it, and who began it.
    pub text: String,
}

impl FlushPanel {
    pub(crate) async fn new(panel: &Panel, l: &Layout) -> Result<Self, AdminError> {
        let services = panel.services();
        let waiting = flush::waiting(services).await?;
        let running = flush::running_flush(services).await?;
        let last = flush::last_flush(services).await?;
        Ok(Self {
            title: title(l, &waiting),
            since: waiting.since,
            waiting: waiting
                .tables
                .iter()
                .map(|(table, count)| {
                    let rows = counted(l, count.rows, count.more);
                    (l.t(&format!("flush_table.{}", table.name())), rows)
                })
                .collect(),
            running: running.map(|job| JobView::new(l, &job)),
            last: last.map(|job| LastFlush::new(l, &job)),
            next: flush::next_flush(services),
        })
    }
}

fn counted(l: &Layout, rows: i64, more: bool) -> String {
    let sign = if more { "+" } else { "" };
    format!("{}{sign}", l.number(rows))
}

fn title(l: &Layout, waiting: &Waiting) -> String {
    let total = waiting.total;
    if total.rows == 0 {
        l.t("flush.nothing_waits")
    } else if total.more {
        l.tn("flush.waits", counted(l, total.rows, true))
    } else {
        l.tn("flush.waits", total.rows)
    }
}

impl LastFlush {
    fn new(l: &Layout, job: &Job) -> Self {
        let rows = match &job.report {
            Some(Report::Flush(counts)) => counts.total(),
            Some(Report::Bulk(_)) | None => job.done,
        };
        let text = t!(
            format!("admin.flush.last_{}", job.state),
            locale = l.language,
            rows = l.number(rows),
            by = by(l, &job.started_by)
        );
        Self {
            url: url(&job.id),
            at: job.finished_at.unwrap_or(job.started_at),
            text: text.into_owned(),
        }
    }
}

/// `POST /admin/blacklist/flush`. **Permissions**: administrators. 303: back to the blacklist where it was a matter of a
/// moment, else to the job's page, which is the one of the flush that runs already if one does.
async fn start(form: Form<PanelAdmin>) -> PageResult {
    let panel = &form.panel;
    let started = flush::start(panel.services(), &panel.actor()).await?;
    if !started.is_new {
        let notice = Notice::warn(panel.t("flush.runs_already"));
        return panel.redirect_with(&url(&started.job), &notice);
    }
    let id = started.job.clone();
    match done_soon(panel, started).await? {
        Some(job) if job.done == 0 => {
            let notice = Notice::ok(panel.t("flush.found_nothing"));
            panel.redirect_with("/admin/blacklist", &notice)
        }
        Some(job) => {
            let notice = Notice::ok(panel.tn("flush.flushed", job.done));
            panel.redirect_with("/admin/blacklist", &notice)
        }
        None => panel.redirect(&url(&id)),
    }
}

/// A job that was just begun, if it is done after a moment; a longer one is for its own page to show, and one that failed.
pub(crate) async fn done_soon(
    panel: &Panel,
    mut started: Started,
) -> Result<Option<Job>, AdminError> {
    if !started.wait(PATIENCE).await {
        return Ok(None);
    }
    let job = jobs::find(panel.services(), &started.job).await?;
    Ok(job.filter(|job| job.state == JobState::Done))
}
