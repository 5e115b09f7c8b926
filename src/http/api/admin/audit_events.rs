//! `/api/audit-events`: the audit log, as a list and as lines of JSON.

use actix_web::{HttpRequest, HttpResponse, http::header::CONTENT_TYPE, web};
use futures_util::{Stream, stream};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, AuditSource, Change, Outcome};
use crate::domain::principal::Principal;
use crate::domain::problem::Problem;
use crate::domain::session::SessionId;
use crate::http::api::admin::granted::Granted;
use crate::http::api::admin::list::{BEFORE, FROM, PERSON, filter_text, part_by_owner, position};
use crate::http::api::answer::Answer;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::inputs::SEARCH;
use crate::http::api::query::Query;
use crate::services::audit::events::{self, AuditEvent, AuditQuery};
use crate::services::audit::recording;
use crate::services::{Error, Services};
use crate::store::audit_list::AuditFilter;

/// The media type of the export.
pub(in crate::http) const LINES: &str = "application/x-ndjson";
/// The number of events per query of the export.
const BATCH: i64 = 500;
/// The most characters of a request id.
const MAX_REQUEST_ID: usize = 200;

inputs! {
    /// The actions, separated by commas; all if missing.
    ACTIONS: Vec<Action> = "action", Kind::AnyOf(Action::NAMES), actions;
    /// Whether the action was done or refused.
    OUTCOME: Outcome = "outcome", Kind::OneOf(Outcome::NAMES), outcome;
    /// The interface that was used.
    SOURCE: AuditSource = "source", Kind::OneOf(AuditSource::NAMES), source;
    /// The session that was acted in or on.
    SESSION: SessionId = "session", Kind::Text { format: Some("uuid"), max: Some(32) }, session;
    /// The id of the HTTP request.
    REQUEST: Option<String> = "request_id", Kind::Text { format: None, max: Some(MAX_REQUEST_ID) }, filter_text;
}

fn actions(text: &str) -> Result<Vec<Action>, Problem> {
    let words = text.split(',').map(|word| Action::from_word(word.trim()));
    let found: Option<Vec<Action>> = words.collect();
    found.ok_or(Problem::NotOneOf(Action::NAMES))
}

fn outcome(text: &str) -> Result<Outcome, Problem> {
    Outcome::from_word(text).ok_or(Problem::NotOneOf(Outcome::NAMES))
}

fn source(text: &str) -> Result<AuditSource, Problem> {
    AuditSource::from_word(text).ok_or(Problem::NotOneOf(AuditSource::NAMES))
}

fn session(text: &str) -> Result<SessionId, Problem> {
    SessionId::parse(text).ok_or(Problem::NotSession)
}

/// An audit event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEvent")]
pub(in crate::http::api) struct AuditEventView {
    /// The id, in the order of writing.
    #[schemars(example = 7)]
    id: i64,
    /// The time of the event.
    happened_at: Timestamp,
    /// The interface that was used.
    source: AuditSource,
    /// The account that acted, such as `user:1`; `null` for services, the operator, the server and anonymous callers.
    #[schemars(example = &"user:1")]
    actor: Option<String>,
    /// The actor's login name at that time, or the name of the service.
    #[schemars(example = &"ops")]
    actor_name: Option<String>,
    /// The action.
    action: Action,
    /// Whether the action was done or refused.
    outcome: Outcome,
    /// The account that was acted on.
    #[schemars(example = &"client:7")]
    subject: Option<String>,
    /// The subject's login name at that time; the id of a subject that is not an account.
    #[schemars(example = &"acme")]
    subject_name: Option<String>,
    /// The changed fields with their old and new values, and further details.
    changes: Vec<Change>,
    /// The actor's address.
    #[schemars(example = &"203.0.113.7")]
    ip_address: Option<String>,
    /// The actor's user agent.
    user_agent: Option<String>,
    /// The id of the HTTP request.
    request_id: Option<String>,
    /// The session that was acted in or on.
    session: Option<SessionId>,
}

impl AuditEventView {
    fn new(event: AuditEvent) -> Self {
        let named = |principal: Principal| principal.to_string();
        Self {
            id: event.id,
            happened_at: event.happened_at,
            source: event.source,
            actor: event.actor.map(named),
            actor_name: event.actor_name,
            action: event.action,
            outcome: event.outcome,
            subject: event.subject.map(named),
            subject_name: event.subject_name,
            changes: event.changes,
            ip_address: event.ip_address,
            user_agent: event.user_agent,
            request_id: event.request_id,
            session: event.session,
        }
    }
}

fn audit_query(query: &mut Query) -> AuditQuery {
    let filter = AuditFilter {
        search: query.get(&SEARCH).flatten(),
        actions: query.get(&ACTIONS).unwrap_or_default(),
        outcome: query.get(&OUTCOME),
        source: query.get(&SOURCE),
        session: query.get(&SESSION),
        request: query.get(&REQUEST).flatten(),
        job: None,
        with_jobs: false,
        people: None,
        from: query.get(&FROM),
        before: query.get(&BEFORE),
    };
    let person = query.get(&PERSON).flatten();
    AuditQuery { person, filter }
}

/// `GET /api/audit-events`: the audit events, the latest first.
///
/// **Permissions**: `admin:audit:read`. `200` `AUDIT_EVENT_LIST`; `400`, `401`, `403`, `503`.
pub(in crate::http::api) async fn list(
    services: web::Data<Services>,
    _: Granted,
    mut query: Query,
) -> Result<Answer<Vec<AuditEventView>>, ApiError> {
    let filter = audit_query(&mut query);
    let (seek, size) = position(&mut query, |cursor| {
        cursor.time().is_some() && cursor.id.parse::<i64>().is_ok()
    });
    query.finish()?;
    let found = events::list(&services, filter, seek, size).await?;
    let (code, cursor_of) = ("AUDIT_EVENT_LIST", AuditEvent::cursor);
    part_by_owner(code, found, size, cursor_of, AuditEventView::new)
}

/// `GET /api/audit-events/export`: all matching events, the latest first, one JSON object a line, also those of each account
/// that a job changed. The export is recorded before the first line is sent.
///
/// **Permissions**: `admin:audit:read`. `200`; `400`, `401`, `403`, `503`.
pub(in crate::http::api) async fn export(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, ApiError> {
    let mut filter = audit_query(&mut query);
    query.finish()?;
    filter.filter.with_jobs = true;
    let text = request.query_string();
    recording::record_export(&services, caller.actor, "audit", text).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, LINES))
        .streaming(batches(services, filter)))
}

/// The lines of all events that pass a filter.
fn batches(
    services: web::Data<Services>,
    filter: AuditQuery,
) -> impl Stream<Item = Result<web::Bytes, Error>> {
    // Before each batch: the cursor of the last event. None at the end.
    stream::try_unfold(Some(None), move |state| {
        let (services, filter) = (services.clone(), filter.clone());
        async move {
            let Some(after) = state else {
                return Ok::<_, Error>(None);
            };
            let events = events::batch(&services, filter, after, BATCH).await?;
            let is_full = i64::try_from(events.len()).is_ok_and(|events| events >= BATCH);
            let last = events.last().filter(|_| is_full);
            let next = last.map(|event| Some(event.cursor()));
            Ok(Some((lines(events)?, next)))
        }
    })
}

/// The events, one a line.
fn lines(events: Vec<AuditEvent>) -> Result<web::Bytes, Error> {
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, &AuditEventView::new(event))
            .map_err(|error| Error::Internal(error.to_string()))?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}
