//! How a refresh token is transmitted (`tokens.transport`): in bodies, or in an `HttpOnly` cookie. The cookie itself is made
//! in `refresh_cookie`.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, cookie::Cookie, dev::Payload, web};

use crate::config::Transport;
use crate::domain::problem::Problem;
use crate::http::api::body::Fields;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::inputs::{TOKEN_KIND, token};
use crate::http::middleware::context::{RequestContext, services_of};
use crate::http::middleware::origin::{self, Foreign};
use crate::http::refresh_cookie;
use crate::services::auth::bearer::Caller;
use crate::services::auth::django_adoption;
use crate::services::{Error, Services};
use crate::tokens::{Claims, DjangoClaims, TokenType};

/// How one refresh token is transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenTransport {
    /// In bodies.
    Body,
    /// In the cookie.
    Cookie,
}

impl TokenTransport {
    const NAMES: &'static [&'static str] = &["body", "cookie"];

    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "body" => Ok(Self::Body),
            "cookie" => Ok(Self::Cookie),
            _ => Err(Problem::NotOneOf(Self::NAMES)),
        }
    }
}

inputs! {
    /// How the refresh token is returned; a choice only where `tokens.transport` is `both`.
    TRANSPORT: TokenTransport = "transport", Kind::OneOf(TokenTransport::NAMES), TokenTransport::parse;
    /// The refresh token; left out if it is in the cookie.
    REFRESH: String = "refresh", TOKEN_KIND, token;
}

/// A refresh token that a request presents.
pub(super) struct PresentedRefresh {
    /// The token.
    pub token: String,
    /// Where it was, and where its successor is returned.
    pub transport: TokenTransport,
}

/// How this server and one request transmit refresh tokens. Methods that read or set the cookie fail with
/// [`Error::Forbidden`] if the request comes from a page of another origin.
pub(super) struct RefreshTransport {
    services: web::Data<Services>,
    /// The token in the request's cookie.
    cookie: Option<String>,
    request_id: String,
    may_use_cookie: Result<(), Foreign>,
}

impl FromRequest for RefreshTransport {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            services_of(request)
                .map_err(ApiError::from)
                .map(|services| {
                    let cookie = match services.tokens.settings().transport {
                        Transport::Body => None,
                        Transport::Cookie | Transport::Both => {
                            refresh_cookie::read(request, &services.config.server)
                        }
                    };
                    Self {
                        cookie,
                        request_id: RequestContext::of(request).id.clone(),
                        may_use_cookie: origin::may_use_cookie(request.headers(), &services),
                        services,
                    }
                }),
        )
    }
}

impl RefreshTransport {
    fn setting(&self) -> Transport {
        self.services.tokens.settings().transport
    }

    /// Whether the request may use cookies: no page of another origin sends it.
    pub(super) fn may_use_cookie(&self) -> bool {
        self.may_use_cookie.is_ok()
    }

    /// Whether refresh tokens are transmitted in bodies only.
    pub(super) fn is_body_only(&self) -> bool {
        self.setting() == Transport::Body
    }

    /// The transport that a login requests in its field `transport`. An unsupported transport is a field error: a client that
    /// requests the cookie must not get the token in the body, nor the reverse.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when a page of another origin requests the cookie.
    pub(super) fn requested(&self, fields: &mut Fields) -> Result<TokenTransport, ApiError> {
        let transport = match self.setting() {
            Transport::Body => {
                if fields.is_text(&TRANSPORT, "cookie") {
                    fields.problem(TRANSPORT.name, Problem::NotOneOf(&["body"]));
                }
                TokenTransport::Body
            }
            Transport::Cookie => {
                fields.optional_as(&TRANSPORT, |text| match text {
                    "cookie" => Ok(()),
                    _ => Err(Problem::NotOneOf(&["cookie"])),
                });
                TokenTransport::Cookie
            }
            Transport::Both => fields.optional(&TRANSPORT).unwrap_or(TokenTransport::Body),
        };
        if transport == TokenTransport::Cookie {
            self.check_page()?;
        }
        Ok(transport)
    }

    /// The presented refresh token, from the body or otherwise from the cookie; `None` if it may be in the cookie and there is
    /// no cookie.
    ///
    /// # Errors
    /// The problems of the body; [`Error::Forbidden`] for a page of another origin without a token in the body.
    pub(super) fn presented(
        &self,
        mut fields: Fields,
    ) -> Result<Option<PresentedRefresh>, ApiError> {
        let in_body = fields.has(&REFRESH) && self.setting() == Transport::Both;
        if self.is_body_only() || in_body {
            let token = fields.required(&REFRESH);
            let token = fields.complete(token)?;
            let transport = TokenTransport::Body;
            return Ok(Some(PresentedRefresh { token, transport }));
        }
        self.check_page()?;
        if fields.has(&REFRESH) {
            fields.problem(REFRESH.name, Problem::SentInCookie);
        }
        fields.finish()?;
        let transport = TokenTransport::Cookie;
        let cookie = self.cookie.clone();
        Ok(cookie.map(|token| PresentedRefresh { token, transport }))
    }

    /// Whether the request has the cookie.
    pub(super) fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    /// The valid refresh tokens that a logout presents, in the body and in the cookie, and the cookie that removes the latter
    /// from the browser. A cookie that is not valid any more is only removed; one of another server stays, and so does one
    /// from a page of another origin beside a token in the body.
    ///
    /// # Errors
    /// As [`RefreshTransport::presented`], [`Error::InvalidLogoutToken`] if the token in the body is not valid, and
    /// [`Error::Forbidden`] if it belongs to another account than the caller's.
    pub(super) async fn logged_out(
        &self,
        fields: Fields,
        caller: Option<&Caller>,
    ) -> Result<(Vec<Claims>, Option<Cookie<'static>>), ApiError> {
        let presented = self.presented(fields)?;
        let mut tokens = Vec::new();
        if let Some(body) = presented.filter(|one| one.transport == TokenTransport::Body) {
            let claims = self.claims_or_of_django(&body.token).await?;
            if caller.is_some_and(|caller| caller.account.principal != claims.principal) {
                return Err(Error::Forbidden.into());
            }
            tokens.push(claims);
        }
        if !self.has_cookie() || !self.may_use_cookie() || self.is_of_another_server() {
            return Ok((tokens, None));
        }
        tokens.extend(self.cookie_claims());
        let removal = refresh_cookie::remove(&self.services.config.server);
        Ok((tokens, Some(removal)))
    }

    /// The claims of a valid refresh token.
    fn claims(&self, token: &str) -> Option<Claims> {
        let (tokens, now) = (&self.services.tokens, self.services.clock.now());
        tokens.read(token, Some(TokenType::Refresh), now).ok()
    }

    /// The same for a token in a body, which may be one of Django.
    async fn claims_or_of_django(&self, token: &str) -> Result<Claims, Error> {
        if let Some(claims) = self.claims(token) {
            return Ok(claims);
        }
        let now = self.services.clock.now();
        let of_django = self.services.tokens.examine_django(token, now);
        let is_refresh = |claims: &Arc<DjangoClaims>| claims.token_type == TokenType::Refresh;
        let Some(claims) = of_django.and_then(Result::ok).filter(is_refresh) else {
            return Err(Error::InvalidLogoutToken);
        };
        let claims = django_adoption::read(&self.services, &claims, now).await;
        claims.map_err(|error| match error {
            error if error.is_refused_token() => Error::InvalidLogoutToken,
            error => error,
        })
    }

    /// The claims of the token in the cookie, if it is a valid refresh token.
    fn cookie_claims(&self) -> Option<Claims> {
        self.claims(self.cookie.as_deref()?)
    }

    /// The cookie that removes the refresh token from the browser, if the request has one that is not valid or of which `ends`
    /// says that its session ends. To be called before the session is ended.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when a page of another origin sends it.
    pub(super) fn removal(
        &self,
        ends: impl FnOnce(&Claims) -> bool,
    ) -> Result<Option<Cookie<'static>>, ApiError> {
        if self.cookie.is_none() || self.is_of_another_server() {
            return Ok(None);
        }
        self.check_page()?;
        let has_ended = self.cookie_claims().as_ref().is_none_or(ends);
        Ok(has_ended.then(|| refresh_cookie::remove(&self.services.config.server)))
    }

    /// Whether the cookie has a token of another server. Cookies are shared by all ports of a host, so it may be in use there.
    fn is_of_another_server(&self) -> bool {
        let now = self.services.clock.now();
        let Some(token) = self.cookie.as_deref() else {
            return false;
        };
        let examined = self.services.tokens.examine(token, None, now);
        examined.is_err_and(|defect| defect.is_of_another_key())
    }

    /// The error of a refused refresh token. If the token will never be accepted again, its cookie is removed; after an internal
    /// error, or if it is one of another server, it is not.
    pub(super) fn refusal(&self, transport: TokenTransport, error: Error) -> ApiError {
        let is_final = matches!(
            error,
            Error::Token(_)
                | Error::TokenBlacklisted
                | Error::TokenReused
                | Error::SessionRevoked
                | Error::UserInactive
                | Error::TokenUserNotFound
        );
        if transport == TokenTransport::Cookie && is_final && !self.is_of_another_server() {
            ApiError::RefreshOver {
                error,
                removal: Box::new(refresh_cookie::remove(&self.services.config.server)),
            }
        } else {
            error.into()
        }
    }

    fn check_page(&self) -> Result<(), Error> {
        let Err(foreign) = &self.may_use_cookie else {
            return Ok(());
        };
        foreign.log(&self.request_id);
        Err(Error::Forbidden)
    }
}
