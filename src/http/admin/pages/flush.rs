//! The flush of expired rows: its section on the blacklist and the dashboard, and the button that starts it.

use rust_i18n::t;

use crate::clock::Timestamp;
use crate::domain::job::JobKind;
use crate::http::admin::pages::jobs::{JobView, finished_soon, started_by};
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::maintenance::flush::{self, Backlog};
use crate::services::maintenance::job_report::Report;
use crate::services::maintenance::jobs::{self, Job};

/// The section about the flush: the field `flush` of pages that include `admin/flush/_panel.html`.
pub(crate) struct FlushPanel {
    /// The number of expired rows, as a sentence.
    pub title: String,
    /// When the oldest of them expired.
    pub since: Option<Timestamp>,
    /// The kinds of expired rows, and how many there are.
    pub expired: Vec<(String, String)>,
    pub running: Option<JobView>,
    /// The last flush that has ended.
    pub last: Option<LastFlush>,
    /// When this server flushes next.
    pub next: Option<Timestamp>,
}

/// The last flush that has ended.
pub(crate) struct LastFlush {
    pub url: String,
    /// When it ended.
    pub at: Timestamp,
    /// The result and who started it.
    pub text: String,
}

impl FlushPanel {
    pub(crate) async fn new(panel: &Panel, l: &Layout) -> Result<Self, AdminError> {
        let services = panel.services();
        let backlog = flush::backlog(services).await?;
        let (store, clock, audit_log) = (&services.store, &services.clock, &services.audit_log);
        let running = jobs::find_running(store, clock, audit_log, JobKind::Flush).await?;
        let last = jobs::find_last_ended(&services.store, JobKind::Flush).await?;
        Ok(Self {
            title: title(l, &backlog),
            since: backlog.since,
            expired: backlog
                .tables
                .iter()
                .map(|(table, count)| {
                    let rows = counted(l, count.rows, count.more);
                    (l.word("flush_table", table.as_str()), rows)
                })
                .collect(),
            running: running.map(|job| JobView::new(l, &job)),
            last: last.map(|job| LastFlush::new(l, &job)),
            next: services.jobs.next_flush(),
        })
    }
}

fn counted(l: &Layout, rows: i64, more: bool) -> String {
    let sign = if more { "+" } else { "" };
    format!("{}{sign}", l.number(rows))
}

fn title(l: &Layout, backlog: &Backlog) -> String {
    let total = backlog.total;
    if total.rows == 0 {
        l.t("flush.none_expired")
    } else if total.more {
        // Counts stop at a limit: the sum is not exact.
        l.tr_count("flush.more_than", l.number(total.rows / 1_000 * 1_000))
    } else {
        l.tr_count("flush.expired", total.rows)
    }
}

impl LastFlush {
    fn new(l: &Layout, job: &Job) -> Self {
        let rows = match &job.report {
            Some(Report::Flush(counts)) => counts.total(),
            Some(Report::Bulk(_) | Report::Sessions(_) | Report::Key(_)) | None => job.done,
        };
        let text = t!(
            format!("admin.flush.last_{}", job.state),
            locale = l.language,
            rows = l.number(rows),
            by = started_by(l, &job.started_by)
        );
        Self {
            url: paths::job(&job.id),
            at: job.finished_at.unwrap_or(job.started_at),
            text: text.into_owned(),
        }
    }
}

/// `POST /admin/blacklist/flush`. **Permissions**: administrators. 303: back to the blacklist where the flush finishes within
/// seconds, else to the job's page; where a flush is running already, to that one.
pub(crate) async fn start(form: Form<PanelAdmin>) -> PageResult {
    let panel = &form.panel;
    let started = flush::start(panel.services(), &panel.actor()).await?;
    let job = paths::job(&started.job);
    if !started.is_new() {
        return panel.redirect_warn(&job, panel.t("flush.already_running"));
    }
    let text = match finished_soon(panel, started).await? {
        Some(job) if job.done == 0 => panel.t("flush.found_nothing"),
        Some(job) => panel.tr_count("flush.flushed", job.done),
        None => return panel.redirect(&job),
    };
    panel.redirect_ok(paths::BLACKLIST, text)
}
