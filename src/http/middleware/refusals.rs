//! What was refused to somebody who is known, told to the record: at one place for both doors, so that no route forgets it.

use actix_web::HttpRequest;

use crate::{
    domain::audit::{Actor, AuditSource},
    http::middleware::context::{RequestContext, known},
    services::{Services, audit::refused_access::record_access_refused},
};

/// Records that whoever sent this request is not allowed what it asks for. He is refused it all the same where it cannot
/// be recorded.
pub(crate) async fn note(services: &Services, context: &RequestContext, request: &HttpRequest) {
    let Some(caller) = context.caller() else {
        return;
    };
    let door = if context.in_panel {
        AuditSource::Panel
    } else {
        AuditSource::Api
    };
    let route = request.match_pattern().unwrap_or_default();
    let asked = format!("{} {route}", known(request.method()));
    let actor = Actor::anonymous(door, context.device(), context.id.clone());
    if let Err(error) = record_access_refused(services, actor, caller, asked).await {
        tracing::warn!(%error, "a refused access is missing in the record");
    }
}
