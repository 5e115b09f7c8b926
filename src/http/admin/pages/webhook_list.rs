//! The list of webhooks, and the same list as a CSV file. There are at most 20.

use askama::Template;
use chrono_tz::Tz;

use crate::http::admin::web::csv;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::http::admin::{paths, webhook_paths};
use crate::services::webhooks::endpoints::{self, Listed};

#[derive(Template)]
#[template(path = "admin/webhooks/list.html")]
struct ListPage {
    l: Layout,
    endpoints: Vec<Listed>,
}

/// `GET /admin/webhooks`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel) -> PageResult {
    panel.page(&ListPage {
        endpoints: endpoints::list(&panel.services().store).await?,
        l: panel.layout("webhooks"),
    })
}

const HEADER: &[&str] = &[
    "name",
    "address",
    "events",
    "is_active",
    "waiting",
    "dead",
    "created_at",
    "created_at_local",
    "updated_at",
    "updated_at_local",
];

/// `GET /admin/webhooks/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel) -> PageResult {
    let rows = endpoints::list(&panel.services().store).await?;
    csv::short_list(&panel, "webhooks", HEADER, &rows, line).await
}

/// The columns of an endpoint, not translated. As on the page, the address is without its path, which may contain a
/// key, and dead letters are counted up to 100.
fn line(listed: &Listed, zone: Tz) -> Vec<String> {
    let endpoint = &listed.endpoint;
    let mut line = vec![
        endpoint.name.clone(),
        endpoint.origin(),
        endpoint.events.to_string(),
        endpoint.is_active.to_string(),
        listed.waiting.to_string(),
        listed.dead.to_string(),
    ];
    line.extend(csv::time(Some(endpoint.created_at), zone));
    line.extend(csv::time(Some(endpoint.updated_at), zone));
    line
}
