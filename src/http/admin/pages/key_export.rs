//! The list of the signing keys as a CSV file.

use actix_web::HttpRequest;
use chrono_tz::Tz;

use crate::http::admin::web::csv::{self, Export};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::panel::Panel;
use crate::services::signing_keys::list::{KeyInfo, list as list_keys};
use crate::services::{Error, Services};

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
pub(crate) async fn export(panel: Panel, request: HttpRequest) -> PageResult {
    let export = Export {
        name: "keys",
        header: HEADER.to_vec(),
        line,
        cursor: |_| (),
    };
    export
        .answer(&panel, &request, (String::new(), ()), batch)
        .await
}

/// All of them are one batch.
async fn batch(
    services: &Services,
    (): (),
    after: Option<()>,
    _: i64,
) -> Result<Vec<KeyInfo>, Error> {
    match after {
        None => list_keys(&services.store, services.clock.now()).await,
        Some(()) => Ok(Vec::new()),
    }
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
