//! The list of the signing keys as a CSV file.

use chrono_tz::Tz;

use crate::http::admin::web::csv;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::panel::Panel;
use crate::services::signing_keys::list::{KeyInfo, list as list_keys};

const HEADER: &[&str] = &[
    "kid",
    "algorithm",
    "state",
    "sessions",
    "accounts",
    "published_at",
    "published_at_local",
    "activated_at",
    "activated_at_local",
    "retired_at",
    "retired_at_local",
    "revoked_at",
    "revoked_at_local",
    "expires_at",
    "expires_at_local",
];

/// `GET /admin/keys/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel) -> PageResult {
    let services = panel.services();
    let rows = list_keys(&services.store, services.clock.now()).await?;
    csv::short_list(&panel, "keys", HEADER, &rows, line).await
}

/// The columns of a key, not translated.
fn line(key: &KeyInfo, zone: Tz) -> Vec<String> {
    let mut line = vec![
        key.kid.clone(),
        key.algorithm.clone(),
        key.state.to_string(),
        key.sessions.to_string(),
        key.accounts.to_string(),
    ];
    for at in [
        Some(key.published_at),
        key.activated_at,
        key.retired_at,
        key.revoked_at,
        key.expires_at,
    ] {
        line.extend(csv::time(at, zone));
    }
    line
}
