//! `/auth/forward`: whether a reverse proxy may pass a request on, and for which account. Made for nginx `auth_request`, Caddy
//! `forward_auth`, Traefik `ForwardAuth` and Envoy `ext_authz`.

use std::{
    fmt::Write,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::header::HeaderName};

use crate::config::RolesConfig;
use crate::domain::account::{Account, Role};
use crate::domain::principal::UserType;
use crate::domain::problem::Problem;
use crate::http::api::callers::Bearer;
use crate::http::api::endpoint::Endpoint;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Field, Kind, inputs};
use crate::http::api::query::Query;
use crate::http::middleware::context::services_of;

const USER_TYPE_HEADER: HeaderName = HeaderName::from_static("x-auth-user-type");
const USER_SEQ_HEADER: HeaderName = HeaderName::from_static("x-auth-user-seq");
const SUB_HEADER: HeaderName = HeaderName::from_static("x-auth-sub");
const ROLE_HEADER: HeaderName = HeaderName::from_static("x-auth-role");
const EMAIL_HEADER: HeaderName = HeaderName::from_static("x-auth-email");

/// What stands before the path of the original request, for a proxy that can only append it. The rest of the query is the
/// caller's and is not read.
const ORIGINAL_PATH: &str = "path=";

inputs! {
    /// The roles of which the account must have one, separated by commas.
    ROLES: Vec<Role> = "role", Kind::Roles, roles;
    /// The user types of which the account must have one, separated by commas.
    USER_TYPES: Vec<UserType> = "user_type", Kind::AnyOf(UserType::NAMES), user_types;
}

fn roles(text: &str) -> Result<Vec<Role>, Problem> {
    text.split(',')
        .map(|word| Role::parse(word.trim()))
        .collect()
}

fn user_types(text: &str) -> Result<Vec<UserType>, Problem> {
    let words = text.split(',').map(|word| UserType::from_word(word.trim()));
    let found: Option<Vec<UserType>> = words.collect();
    found.ok_or(Problem::NotOneOf(UserType::NAMES))
}

/// What the account of the token must be. A parameter that is sent twice is two conditions.
///
/// A misspelt or empty condition would let every account pass, so both are refused.
pub(super) struct Conditions {
    roles: Vec<Vec<Role>>,
    user_types: Vec<Vec<UserType>>,
}

impl Conditions {
    /// Reads the query of a request.
    pub(super) fn read(
        text: &str,
        declared: &'static [Field],
        roles: &RolesConfig,
    ) -> Result<Self, ApiError> {
        let mut query = Query::read(operators_part(text), declared);
        let conditions = Self {
            roles: query.all(&ROLES),
            user_types: query.all(&USER_TYPES),
        };
        query.check_roles(&ROLES, roles, conditions.roles.iter().flatten());
        query.refuse_unknown();
        query.finish()?;
        Ok(conditions)
    }

    fn are_met_by(&self, account: &Account) -> bool {
        let user_type = account.principal.user_type;
        let has_one_of = |roles: &Vec<Role>| {
            account
                .role
                .as_ref()
                .is_some_and(|role| roles.contains(role))
        };
        self.roles.iter().all(has_one_of)
            && self
                .user_types
                .iter()
                .all(|types| types.contains(&user_type))
    }
}

impl FromRequest for Conditions {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let declared = Endpoint::of(request).map_or(&[][..], |endpoint| endpoint.query);
        let conditions = services_of(request).map_err(ApiError::from);
        ready(
            conditions
                .and_then(|services| Self::read(request.query_string(), declared, &services.roles)),
        )
    }
}

/// The query without the path of the original request and what follows it.
fn operators_part(query: &str) -> &str {
    if query.starts_with(ORIGINAL_PATH) {
        return "";
    }
    let end = query.find(&format!("&{ORIGINAL_PATH}"));
    &query[..end.unwrap_or(query.len())]
}

/// `GET /auth/forward`, and every other method, as some proxies send that of the original request: whether this access token
/// is accepted and its account meets the conditions of the query. The account is in the headers of the answer.
///
/// **Permissions**: a bearer of either population. `200` without a body; `400`, `401`, `403` `FORBIDDEN` (a condition is not
/// met), `503`.
pub(super) async fn forward(
    caller: Bearer,
    conditions: Conditions,
) -> Result<HttpResponse, ApiError> {
    let account = caller.0.account;
    if !conditions.are_met_by(&account) {
        return Err(ApiError::ConditionNotMet);
    }
    let principal = account.principal;
    let role = account.role.as_ref().map_or("", Role::as_str);
    let email = account.email.as_deref().unwrap_or_default();
    // A header without a value, too, so that the proxy replaces one of this name that the caller has sent.
    Ok(HttpResponse::Ok()
        .insert_header((USER_TYPE_HEADER, principal.user_type.as_str()))
        .insert_header((USER_SEQ_HEADER, principal.user_seq.get()))
        .insert_header((SUB_HEADER, principal.to_string()))
        .insert_header((ROLE_HEADER, header_text(role)))
        .insert_header((EMAIL_HEADER, header_text(email)))
        .finish())
}

/// A text as the value of a header: bytes other than visible ASCII, and `%`, are percent-encoded.
fn header_text(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
