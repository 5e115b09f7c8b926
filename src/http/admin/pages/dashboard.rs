//! The panel's first page: how much there is, how many log in, what happened last, and how the server is.

use std::{sync::Arc, time::Duration};

use actix_web::web::{self, ServiceConfig};
use askama::Template;

use crate::{
    http::admin::{
        pages::flush::FlushPanel,
        web::{chart::Chart, error::PageResult, events::EventView, layout::Layout, panel::Panel},
    },
    services::{
        checklist,
        dashboard::{self, Totals},
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    // The scope's own address: `/admin`.
    config.service(
        web::resource("")
            .route(web::get().to(show))
            .route(web::head().to(show)),
    );
}

#[derive(Template)]
#[template(path = "admin/dashboard.html")]
struct DashboardPage {
    l: Layout,
    /// How many problems the security checklist sees, as far as that is known without looking.
    security: Option<String>,
    totals: Option<Arc<Totals>>,
    /// The numbers are from before this page was asked for.
    is_old: bool,
    chart: Chart,
    events: Vec<EventView>,
    flush: FlushPanel,
    backend: &'static str,
    size: String,
    uptime: String,
}

/// `GET /admin`. **Permissions**: administrators and auditors. 200.
async fn show(panel: Panel) -> PageResult {
    let services = panel.services();
    let totals = dashboard::totals(services).await;
    let days = dashboard::logins(services, panel.zone()).await?;
    let latest = dashboard::latest(services).await?;
    let l = panel.layout("dashboard");
    let bytes = totals.as_ref().map_or(0, |totals| totals.database_size);
    let problems = checklist::problems_of_settings(services);
    panel.page(&DashboardPage {
        security: (problems > 0).then(|| l.tn("dashboard.security", problems)),
        is_old: totals
            .as_ref()
            .is_some_and(|totals| totals.counted_at < panel.now()),
        totals,
        chart: Chart::new(&l, &days),
        events: EventView::all(&l, &latest),
        flush: FlushPanel::new(&panel, &l).await?,
        backend: services.store.backend(),
        size: size(bytes),
        uptime: uptime(&l, services.dashboard.uptime(panel.now())),
        l,
    })
}

/// `5.2 MB`: bytes to the base of 1,000, as disks are sold.
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

/// How long the server has been running, in its two greatest units.
fn uptime(l: &Layout, duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    let parts = [
        ("dashboard.days", minutes / 1_440),
        ("dashboard.hours", minutes / 60 % 24),
        ("dashboard.minutes", minutes % 60),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(_, n)| *n > 0)
        .take(2)
        .map(|(key, n)| l.tn(key, n))
        .collect();
    if told.is_empty() {
        l.t("dashboard.just_started")
    } else {
        told.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, told) in [
            (0, "0.0 kB"),
            (4_096, "4.1 kB"),
            (999_949, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (2_500_000_000, "2.5 GB"),
            (7_000_000_000_000_000, "7000.0 TB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
