//! `/healthz` and `/readyz`: probes for load balancers, in JSON without the envelope.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::services::Services;

/// The answer of a probe.
#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    /// `ok` or `ready`; with `503` `stopping` or `unavailable`.
    #[schemars(example = &"ok")]
    status: &'static str,
}

/// `GET /healthz`: the process answers.
///
/// **Permissions**: anyone. `200`.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
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
            Ok(()) => return HttpResponse::Ok().json(Health { status: "ready" }),
            Err(error) => {
                tracing::warn!(%error, "not ready");
                "unavailable"
            }
        }
    };
    HttpResponse::ServiceUnavailable()
        .insert_header(("Retry-After", "1"))
        .json(Health { status })
}
