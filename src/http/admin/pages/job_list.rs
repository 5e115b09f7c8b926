//! The list of background jobs, and the same list as a CSV file. Ended jobs are flushed, so that both are short.

use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::http::admin::pages::jobs::{JobView, started_by, title};
use crate::http::admin::paths;
use crate::http::admin::web::csv;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::maintenance::jobs::{self, Job};

/// The most jobs on the page.
const SHOWN: i64 = 200;
/// The most jobs in a file.
const EXPORTED: i64 = 10_000;

struct Line {
    title: String,
    job: JobView,
    started_by: String,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "admin/jobs/list.html")]
struct ListPage {
    l: Layout,
    lines: Vec<Line>,
}

/// `GET /admin/jobs`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel) -> PageResult {
    let jobs = jobs::list(panel.services(), SHOWN).await?;
    let l = panel.layout("blacklist");
    let line = |job: &Job| Line {
        title: title(&l, job),
        job: JobView::new(&l, job),
        started_by: started_by(&l, &job.started_by),
        started_at: job.started_at,
        finished_at: job.finished_at,
    };
    panel.page(&ListPage {
        lines: jobs.iter().map(line).collect(),
        l,
    })
}

const HEADER: &[&str] = &[
    "job",
    "kind",
    "state",
    "started_by",
    "done",
    "total",
    "started_at",
    "started_at_local",
    "finished_at",
    "finished_at_local",
];

/// `GET /admin/jobs/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel) -> PageResult {
    let rows = jobs::list(panel.services(), EXPORTED).await?;
    csv::short_list(&panel, "jobs", HEADER, &rows, line).await
}

/// The columns of a job, not translated.
fn line(job: &Job, zone: Tz) -> Vec<String> {
    let mut line = vec![
        job.id.to_string(),
        job.kind.to_string(),
        job.state.to_string(),
        job.started_by.stored().unwrap_or_default(),
        job.done.to_string(),
        job.total.to_string(),
    ];
    line.extend(csv::time(Some(job.started_at), zone));
    line.extend(csv::time(job.finished_at, zone));
    line
}
