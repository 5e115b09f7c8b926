//! The dashboard: totals, logins per day, the latest audit events, and the state of the server.

use std::{sync::Arc, time::Duration};

use askama::Template;

use crate::http::admin::pages::attention::AttentionPanel;
use crate::http::admin::pages::flush::FlushPanel;
use crate::http::admin::paths;
use crate::http::admin::web::chart::Chart;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::audit::events;
use crate::services::checklist;
use crate::services::dashboard::Totals;
use crate::services::passwords::hash_format::HashFormat;

#[derive(Template)]
#[template(path = "admin/dashboard/show.html")]
struct DashboardPage {
    l: Layout,
    /// That the security checklist finds problems, without asking the database.
    security: Option<String>,
    totals: Option<Arc<Totals>>,
    /// Whether the totals are from before this request.
    is_old: bool,
    chart: Chart,
    events: Vec<EventView>,
    attention: AttentionPanel,
    flush: FlushPanel,
    backend: &'static str,
    size: String,
    uptime: String,
}

/// `GET /admin`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn show(panel: Panel) -> PageResult {
    let services = panel.services();
    let totals = services
        .dashboard
        .totals(&services.store, &services.clock)
        .await;
    let days = services
        .dashboard
        .logins(&services.store, &services.clock, panel.zone())
        .await?;
    let latest = events::latest(services, panel.viewer().account.principal).await?;
    let l = panel.layout("dashboard");
    let bytes = totals.as_ref().map_or(0, |totals| totals.database_size);
    let problems = checklist::problems_of_settings(services);
    panel.page(&DashboardPage {
        security: (problems > 0).then(|| l.t("dashboard.security")),
        is_old: totals
            .as_ref()
            .is_some_and(|totals| totals.counted_at < panel.now()),
        totals,
        chart: Chart::new(&l, &days),
        events: EventView::all(&l, &latest),
        attention: AttentionPanel::read(&panel, &l).await?,
        flush: FlushPanel::new(&panel, &l).await?,
        backend: services.store.backend(),
        size: size(bytes),
        uptime: uptime(&l, services.dashboard.uptime(panel.now())),
        l,
    })
}

/// A size in decimal units, such as `5.2 MB`.
fn size(bytes: i64) -> String {
    let bytes = u64::try_from(bytes).unwrap_or(0);
    let mut unit = 1_u64;
    for name in ["kB", "MB", "GB", "TB"] {
        unit *= 1_000;
        let tenths = (bytes * 10 + unit / 2) / unit;
        if tenths < 10_000 || name == "TB" {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    String::new()
}

/// The uptime in its two largest units.
fn uptime(l: &Layout, duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    let parts = [
        ("dashboard.days", minutes / 1_440),
        ("dashboard.hours", minutes / 60 % 24),
        ("dashboard.minutes", minutes % 60),
    ];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(_, n)| *n > 0)
        .take(2)
        .map(|(key, n)| l.tr_count(key, n))
        .collect();
    if shown.is_empty() {
        l.t("dashboard.just_started")
    } else {
        shown.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_shown_in_the_largest_fitting_unit() {
        for (bytes, shown) in [
            (0, "0.0 kB"),
            (4_096, "4.1 kB"),
            (999_949, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (2_500_000_000, "2.5 GB"),
            (7_000_000_000_000_000, "7000.0 TB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
