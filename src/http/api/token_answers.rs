//! Answers with a pair of tokens, and requests that may complete a login.

use std::{sync::Arc, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::{FutureExt, future::LocalBoxFuture};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::Anonymous;
use crate::http::api::me::AccountView;
use crate::http::api::refresh_transport::{RefreshTransport, TokenTransport};
use crate::http::middleware::context::RequestContext;
use crate::http::refresh_cookie;
use crate::services::Services;
use crate::services::auth::session_start::LoggedIn;
use crate::services::auth::token_pair::TokenPair;
use crate::services::limits::login_context::LoginContext;

/// The data of a login or refresh: both tokens, their lifetimes in seconds, and the account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tokens")]
pub(super) struct TokenData {
    /// The access token.
    #[schemars(example = &"eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.c2ln")]
    access: String,
    /// The refresh token; missing if it is in the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2ln")]
    refresh: Option<String>,
    /// The scheme of the header `Authorization`, the first of `tokens.auth_header_types`.
    #[schemars(example = &"Bearer")]
    token_type: String,
    /// For how many seconds the access token is valid.
    #[schemars(example = 1800)]
    expires_in: u64,
    /// For how many seconds the refresh token is valid.
    #[schemars(example = 2_592_000)]
    refresh_expires_in: u64,
    /// The account.
    user: AccountView,
    /// New recovery codes, shown once; only of a login that has set a second factor up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = &["abcd-efgh-ijkl-mnop-qrst-uvwx"])]
    recovery_codes: Vec<String>,
}

impl TokenData {
    fn new(services: &Services, pair: TokenPair) -> Self {
        let TokenPair {
            access,
            refresh,
            account,
            issued_at,
            ..
        } = pair;
        let issued_at = issued_at.whole_seconds();
        let scheme = services.tokens.settings().auth_header_types.first();
        Self {
            expires_in: access.expires_at.since(issued_at).as_secs(),
            refresh_expires_in: refresh.expires_at.since(issued_at).as_secs(),
            access: access.token,
            refresh: Some(refresh.token),
            token_type: scheme.map_or("Bearer", String::as_str).to_owned(),
            user: AccountView::from(&account),
            recovery_codes: Vec::new(),
        }
    }
}

/// The answer with a pair of tokens; the refresh token is in the body or in the cookie.
pub(super) fn token_response(
    services: &Services,
    code: &'static str,
    pair: TokenPair,
    transport: TokenTransport,
) -> Answer<TokenData> {
    let mut data = TokenData::new(services, pair);
    let token = match transport {
        TokenTransport::Body => None,
        TokenTransport::Cookie => data.refresh.take(),
    };
    let lifetime = Duration::from_secs(data.refresh_expires_in);
    let cookie = token.map(|token| refresh_cookie::set(&services.config.server, token, lifetime));
    Answer::ok(code, data).with_refresh_cookie(cookie)
}

/// A request that may complete a login.
pub(super) struct LoginRequest {
    /// Makes the answer.
    pub(super) answer: LoginAnswer,
    pub(super) caller: LoginContext,
    /// The fields besides that of the transport.
    pub(super) fields: Fields,
}

/// What a completed login is answered with.
pub(super) struct LoginAnswer {
    services: web::Data<Services>,
    context: Arc<RequestContext>,
    transport: RefreshTransport,
    requested: TokenTransport,
}

/// The extractors of a [`LoginRequest`].
type Parts = (
    web::Data<Services>,
    web::ReqData<Arc<RequestContext>>,
    Anonymous,
    RefreshTransport,
    Fields,
);

impl FromRequest for LoginRequest {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parts = Parts::from_request(request, payload);
        async move {
            let (services, context, caller, transport, mut fields) = parts.await?;
            let requested = transport.requested(&mut fields)?;
            Ok(Self {
                answer: LoginAnswer {
                    services,
                    context: context.into_inner(),
                    transport,
                    requested,
                },
                caller: caller.0,
                fields,
            })
        }
        .boxed_local()
    }
}

impl LoginAnswer {
    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    /// The answer to a successful login: a pair of tokens and a device token. A login that a page of another origin sends sets
    /// no device cookie: it could replace the one of the browser's owner.
    pub(super) fn with(self, logged_in: LoggedIn) -> Answer<TokenData> {
        let LoggedIn {
            tokens,
            device_token,
            recovery_codes,
        } = logged_in;
        self.context.note_caller(tokens.account.principal);
        let answer = token_response(&self.services, "LOGGED_IN", tokens, self.requested);
        let answer = answer.map(|data| TokenData {
            recovery_codes,
            ..data
        });
        let may_use_cookie = self.transport.may_use_cookie();
        answer.on_device(&self.services, device_token, may_use_cookie)
    }
}
