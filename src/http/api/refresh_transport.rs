//! Which way a refresh token travels (`tokens.transport`): in bodies, or in a cookie that no script can read. The cookie
//! itself is made in `refresh_cookie`.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, cookie::Cookie, dev::Payload, web};

use crate::{
    config::Transport,
    domain::problem::Problem,
    http::{
        api::{
            body::{Fields, token},
            errors::ApiError,
        },
        middleware::origin,
        refresh_cookie,
    },
    services::{Error, Services},
    tokens::{Claims, TokenType},
};

/// The way of one refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenTransport {
    /// In bodies.
    Body,
    /// In the cookie.
    Cookie,
}

/// A refresh token that came with a request.
pub(super) struct ShownRefresh {
    /// The token.
    pub token: String,
    /// How it came, and its successor goes.
    pub way: TokenTransport,
}

/// How this server and the sender of a request do it. What touches the cookie asks first which page it is that sends the
/// request, and is refused with [`Error::Forbidden`] where that is a foreign one.
pub(super) struct RefreshTransport {
    services: web::Data<Services>,
    /// The token in the cookie that came along.
    kept: Option<String>,
    is_of_our_pages: bool,
}

impl FromRequest for RefreshTransport {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(services) = request.app_data::<web::Data<Services>>() else {
            let error = ApiError::Internal("the server has no services".into());
            return ready(Err(error));
        };
        let reads_cookies = services.tokens.settings().transport != Transport::Body;
        ready(Ok(Self {
            kept: reads_cookies
                .then(|| refresh_cookie::read(request, services))
                .flatten(),
            is_of_our_pages: origin::may_use_cookie(request.headers(), services),
            services: services.clone(),
        }))
    }
}

impl RefreshTransport {
    fn setting(&self) -> Transport {
        self.services.tokens.settings().transport
    }

    /// Whether a refresh token can only be in a body.
    pub(super) fn is_by_body(&self) -> bool {
        self.setting() == Transport::Body
    }

    /// The way that a log-in asks for in its field `transport`. A way that this server does not go is a problem of the
    /// field: whoever asks for a cookie must not find the token in a body, nor the other way round.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when it is the cookie, for a foreign page.
    pub(super) fn asked_for(&self, fields: &mut Fields) -> Result<TokenTransport, ApiError> {
        let way = match self.setting() {
            Transport::Body => {
                if fields.says("transport", "cookie") {
                    fields.problem("transport", Problem::NotOneOf(&["body"]));
                }
                TokenTransport::Body
            }
            Transport::Cookie => {
                fields.optional("transport", |word| match word {
                    "cookie" => Ok(()),
                    _ => Err(Problem::NotOneOf(&["cookie"])),
                });
                TokenTransport::Cookie
            }
            Transport::Both => fields
                .optional("transport", |word| match word {
                    "body" => Ok(TokenTransport::Body),
                    "cookie" => Ok(TokenTransport::Cookie),
                    _ => Err(Problem::NotOneOf(&["body", "cookie"])),
                })
                .unwrap_or(TokenTransport::Body),
        };
        if way == TokenTransport::Cookie {
            self.check_page()?;
        }
        Ok(way)
    }

    /// The refresh token that is shown, in the body or else in the cookie; none where a cookie would do and there is none.
    ///
    /// # Errors
    /// What is wrong with the body, and [`Error::Forbidden`] for a foreign page that shows none in it.
    pub(super) fn shown(&self, mut fields: Fields) -> Result<Option<ShownRefresh>, ApiError> {
        let in_body = fields.has("refresh") && self.setting() == Transport::Both;
        if self.is_by_body() || in_body {
            let token = fields.required("refresh", token);
            let token = fields.complete(token)?;
            let way = TokenTransport::Body;
            return Ok(Some(ShownRefresh { token, way }));
        }
        self.check_page()?;
        if fields.has("refresh") {
            fields.problem("refresh", Problem::SentInCookie);
        }
        fields.finish()?;
        let way = TokenTransport::Cookie;
        let kept = self.kept.clone();
        Ok(kept.map(|token| ShownRefresh { token, way }))
    }

    /// What the token in the cookie says, if it is one that can be refreshed by.
    pub(super) fn kept(&self) -> Option<Claims> {
        let now = self.services.clock.now();
        let kept = self.kept.as_deref()?;
        let read = self
            .services
            .tokens
            .read(kept, Some(TokenType::Refresh), now);
        read.ok()
    }

    /// What takes the browser's cookie away, where one came along whose session ends, or that is good for nothing: to be
    /// asked before the session is ended.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when a foreign page sends it.
    pub(super) fn removal(
        &self,
        ends: impl FnOnce(&Claims) -> bool,
    ) -> Result<Option<Cookie<'static>>, ApiError> {
        if self.kept.is_none() {
            return Ok(None);
        }
        self.check_page()?;
        let is_over = self.kept().as_ref().is_none_or(ends);
        Ok(is_over.then(|| refresh_cookie::remove(&self.services)))
    }

    /// The refusal of a refresh token. One that will never be accepted again need not be kept: its cookie is taken away. A
    /// fault of ours takes away nothing.
    pub(super) fn refusal(&self, way: TokenTransport, error: Error) -> ApiError {
        let is_final = matches!(
            error,
            Error::Token(_)
                | Error::TokenBlacklisted
                | Error::TokenReused
                | Error::SessionRevoked
                | Error::UserInactive
                | Error::TokenUserNotFound
        );
        if way == TokenTransport::Cookie && is_final {
            ApiError::RefreshOver {
                error,
                removal: Box::new(refresh_cookie::remove(&self.services)),
            }
        } else {
            error.into()
        }
    }

    fn check_page(&self) -> Result<(), Error> {
        if self.is_of_our_pages {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }
}
