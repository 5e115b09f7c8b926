//! `/healthz` and `/readyz`: probes for load balancers, in JSON without the envelope.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::services::Services;

/// `GET /healthz`: the process answers.
///
/// **Permissions**: anyone. `200`.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: the process and its database answer, the database can write, and the server was not signalled to stop.
/// Numbers are in the metrics only: anyone may ask here, and from the count of deliveries it could be read which names have
/// an account.
///
/// **Permissions**: anyone. `200`, `503`.
pub(super) async fn ready(services: web::Data<Services>) -> HttpResponse {
    let status = if services.is_stopping.load(Ordering::Relaxed) {
        "stopping"
    } else {
        match services.store.check_ready().await {
            Ok(()) => return HttpResponse::Ok().json(json!({"status": "ready"})),
            Err(error) => {
                tracing::warn!(%error, "not ready");
                "unavailable"
            }
        }
    };
    HttpResponse::ServiceUnavailable()
        .insert_header(("Retry-After", "1"))
        .json(json!({"status": status}))
}
