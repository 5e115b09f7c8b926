//! `/healthz` and `/readyz`: for load balancers, in plain JSON without the envelope.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::services::Services;

/// `GET /healthz`: the process answers.
///
/// **Permissions**: anyone. `200`.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: the process and its database answer. How old the news of revocations are stands there too; as long as the
/// database answers, old ones cost a question at each call and nothing else.
///
/// **Permissions**: anyone. `200`, `503`.
pub(super) async fn ready(services: web::Data<Services>) -> HttpResponse {
    let delivery = services.delivery.counts();
    let delivery =
        json!({"queued": delivery.queued, "sent": delivery.sent, "failed": delivery.failed});
    let database = services.store.backend();
    let lag = services.revocations.lag();
    let revocations = json!({
        "lag_ms": lag.and_then(|lag| u64::try_from(lag.as_millis()).ok()),
        "fresh": !services.revocations.is_stale(),
    });
    match services.store.check_connection().await {
        Ok(()) => HttpResponse::Ok()
            .json(json!({
                "status": "ready", "database": database, "delivery": delivery, "revocations": revocations
            })),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable()
                .insert_header(("Retry-After", "1"))
                .json(json!({
                    "status": "unavailable", "database": database, "delivery": delivery,
                    "revocations": revocations
                }))
        }
    }
}
