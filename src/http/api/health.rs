//! `/healthz` and `/readyz`: probes for load balancers, in JSON without the envelope.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::services::Services;

/// `GET /healthz`: the process answers.
///
/// **Permissions**: anyone. `200`.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: the process and its database answer, and the database can write. The answer includes the lag of the revocation feed. A lag does not make
/// the server unready: it then reads each revocation from the database.
///
/// **Permissions**: anyone. `200`, `503`.
pub(super) async fn ready(services: web::Data<Services>) -> HttpResponse {
    let answer = services.store.check_ready().await;
    let mut body = details(&services);
    match answer {
        Ok(()) => {
            body["status"] = "ready".into();
            HttpResponse::Ok().json(body)
        }
        Err(error) => {
            tracing::warn!(%error, "not ready");
            body["status"] = "unavailable".into();
            HttpResponse::ServiceUnavailable()
                .insert_header(("Retry-After", "1"))
                .json(body)
        }
    }
}

fn details(services: &Services) -> serde_json::Value {
    let delivery = services.delivery.counts();
    let lag = services.revocations.lag();
    json!({
        "database": services.store.backend(),
        "delivery": {
            "queued": delivery.queued, "sent": delivery.sent, "failed": delivery.failed
        },
        "revocations": {
            "lag_ms": lag.and_then(|lag| u64::try_from(lag.as_millis()).ok()),
            "fresh": !services.revocations.is_stale(),
        },
    })
}
