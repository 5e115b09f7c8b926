//! `/api/users/bulk` and `/api/clients/bulk`: many accounts in one request, each with its own result.
//!
//! The entries are handled one after the other: however many a request has, it takes one thread for passwords at a time. The
//! work goes on if the caller stops waiting, and a repetition with the same `Idempotency-Key` gets its results.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, rt, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::admin_scope::AdminScope;
use crate::domain::audit::Actor;
use crate::domain::language::Language;
use crate::domain::principal::UserType;
use crate::domain::problem::Problems;
use crate::http::api::admin::bulk_items::{CLIENTS, Done, USERS, apply};
use crate::http::api::admin::granted::Granted;
use crate::http::api::admin::idempotent::{self, Begun, Running};
use crate::http::api::answer::Answer;
use crate::http::api::body::{Fields, Object};
use crate::http::api::errors::{ApiError, sentences};
use crate::http::middleware::context::RequestContext;
use crate::http::request_body::{MAX_BULK_BODY, read_up_to};
use crate::services::Services;
use crate::services::accounts::by_service::ByService;

/// The result of an entry.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BulkResult")]
pub(in crate::http::api) struct ItemResult {
    /// The position of the entry in the request, from 0.
    #[schemars(example = 0)]
    index: usize,
    /// The status that the request for this account alone would have.
    #[schemars(example = 201)]
    status: u16,
    /// The code of that answer.
    #[schemars(example = &"USER_CREATED")]
    code: String,
    /// The number of the account; `null` if nothing was done.
    #[schemars(example = 7)]
    user_seq: Option<i64>,
    /// What is wrong, for people; `null` if nothing is.
    message: Option<String>,
    /// Sentences about each wrong field.
    errors: Option<BTreeMap<String, Vec<String>>>,
}

impl ItemResult {
    fn new(
        index: usize,
        user_type: UserType,
        context: &RequestContext,
        done: Result<Done, ApiError>,
    ) -> Self {
        let (status, code, number) = match (done, user_type) {
            (Ok(Done::Created(number)), UserType::User) => (201, "USER_CREATED", number),
            (Ok(Done::Updated(number)), UserType::User) => (200, "USER_UPDATED", number),
            (Ok(Done::Created(number)), UserType::Client) => (201, "CLIENT_CREATED", number),
            (Ok(Done::Updated(number)), UserType::Client) => (200, "CLIENT_UPDATED", number),
            (Err(error), _) => return Self::failed(index, context, &error),
        };
        Self {
            index,
            status,
            code: code.to_owned(),
            user_seq: Some(number.get()),
            message: None,
            errors: None,
        }
    }

    fn failed(index: usize, context: &RequestContext, error: &ApiError) -> Self {
        let (status, code) = error.status_and_code();
        error.log(status, context);
        let message = error.message(code, context.language).into_owned();
        Self {
            index,
            status: status.as_u16(),
            code: code.to_owned(),
            user_seq: None,
            message: Some(message),
            errors: error
                .problems()
                .map(|problems| owned_sentences(&problems, context.language)),
        }
    }
}

fn owned_sentences(problems: &Problems, language: Language) -> BTreeMap<String, Vec<String>> {
    let fields = sentences(problems, language).into_iter();
    fields
        .map(|(field, sentences)| {
            let sentences = sentences.into_iter().map(Into::into).collect();
            (field.to_owned(), sentences)
        })
        .collect()
}

/// `POST /api/users/bulk`: creates and changes up to 1,000 users.
///
/// **Permissions**: `admin:users:write`; `admin:administrators:write` for users whose role may change accounts. `200`
/// `BULK_DONE`; `400`, `401`, `403`, `409` `IDEMPOTENCY_KEY_IN_USE`, `413`, `415`, `422` `IDEMPOTENCY_KEY_REUSED`, `503`.
pub(in crate::http::api) async fn users(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<Answer<Vec<ItemResult>>, ApiError> {
    handle(services, caller, request, payload, UserType::User).await
}

/// `POST /api/clients/bulk`: creates and changes up to 1,000 clients.
///
/// **Permissions**: `admin:clients:write`. `200` `BULK_DONE`; `400`, `401`, `403`, `409` `IDEMPOTENCY_KEY_IN_USE`, `413`, `415`,
/// `422` `IDEMPOTENCY_KEY_REUSED`, `503`.
pub(in crate::http::api) async fn clients(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<Answer<Vec<ItemResult>>, ApiError> {
    handle(services, caller, request, payload, UserType::Client).await
}

async fn handle(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
    payload: web::Payload,
    user_type: UserType,
) -> Result<Answer<Vec<ItemResult>>, ApiError> {
    let key = idempotent::key(&request)?;
    let body = read_up_to(request.clone(), payload.into_inner(), MAX_BULK_BODY).await;
    let body = body.map_err(|error| ApiError::from_framework(&error))?;
    let items = items(&request, &body, user_type)?;
    let running = match idempotent::begin(&services, caller.number, key, &request, &body).await? {
        Begun::New(running) => running,
        Begun::Repeated(results) => return Ok(Answer::ok("BULK_DONE", results)),
    };
    let work = Work {
        services,
        changes_administrators: caller.scopes.grants(AdminScope::AdministratorsWrite),
        actor: caller.actor,
        context: RequestContext::of(&request),
        user_type,
        running,
    };
    // A task of its own: the work is not left half done when the caller hangs up or the time of the request is over.
    let results = rt::spawn(work.run(items)).await;
    let results = results.map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Answer::ok("BULK_DONE", results))
}

fn items(request: &HttpRequest, body: &[u8], user_type: UserType) -> Result<Vec<Object>, ApiError> {
    let mut fields = Fields::of_request(request, body)?;
    let items = match user_type {
        UserType::User => fields.objects(&USERS),
        UserType::Client => fields.objects(&CLIENTS),
    };
    fields.complete(items)
}

/// What the entries of a request share.
struct Work {
    services: web::Data<Services>,
    actor: Actor,
    changes_administrators: bool,
    context: Arc<RequestContext>,
    user_type: UserType,
    running: Running,
}

impl Work {
    /// Handles the entries, and stores the results for a repetition.
    async fn run(self, items: Vec<Object>) -> Vec<ItemResult> {
        let by = ByService {
            actor: &self.actor,
            changes_administrators: self.changes_administrators,
        };
        let mut results = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let done = Box::pin(apply(&self.services, &by, self.user_type, item)).await;
            results.push(ItemResult::new(index, self.user_type, &self.context, done));
        }
        self.running.finish(&self.services, &results).await;
        results
    }
}
