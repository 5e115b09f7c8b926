//! Audit events for requests that an authenticated caller is not allowed to make, recorded in one place for the API and the
//! admin panel.

use actix_web::HttpRequest;

use crate::domain::audit::{Actor, AuditSource};
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::context::standard_method;
use crate::services::Services;
use crate::services::audit::refused_access::record_access_refused;

/// Records that the caller was refused with `403`; without an authenticated caller nothing is recorded. The answer stays the
/// same when the event cannot be written.
pub(crate) async fn record(services: &Services, context: &RequestContext, request: &HttpRequest) {
    let Some(caller) = context.caller() else {
        return;
    };
    let source = if context.in_panel {
        AuditSource::Panel
    } else {
        AuditSource::Api
    };
    let route = request.match_pattern().unwrap_or_default();
    let operation = format!("{} {route}", standard_method(request.method()));
    let actor = Actor::anonymous(source, context.device(), context.id.clone());
    if let Err(error) = record_access_refused(services, actor, caller, operation).await {
        tracing::warn!(%error, "the audit event of a refused access cannot be written");
    }
}
