//! The credentials of the service that sends a request: HTTP Basic or two fields of the body (RFC 6749 section 2.3.1), or an
//! access token of the service (RFC 6750).

use actix_web::{
    HttpRequest,
    http::header::{AUTHORIZATION, HeaderValue},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::domain::principal::TokenOwner;
use crate::http::api::body::Fields;
use crate::http::api::callers::{anonymous_actor, bearer_token};
use crate::http::api::inputs::{CLIENT_ID, CLIENT_SECRET};
use crate::http::api::oauth_error::OAuthError;
use crate::http::middleware::context::RequestContext;
use crate::services::service::access;
use crate::services::service::credentials::{self, Credentials};
use crate::services::{Error, Services};
use crate::tokens::TokenError;

/// The credentials that a request presents.
pub(super) enum Presented {
    /// None.
    Nothing,
    /// A name and a secret.
    Secret(Credentials),
    /// A bearer token.
    Token(String),
    /// More than one kind, or a header that cannot be read.
    Malformed,
}

impl Presented {
    /// Reads the header and the fields `client_id` and `client_secret`.
    pub(super) fn of(request: &HttpRequest, services: &Services, fields: &mut Fields) -> Self {
        let (name, secret) = (fields.optional(&CLIENT_ID), fields.optional(&CLIENT_SECRET));
        match (Self::in_header(request, services), name, secret) {
            // A `client_id` that repeats the one of the header is allowed.
            (Self::Secret(credentials), name, None)
                if name.as_ref().is_none_or(|name| *name == credentials.name) =>
            {
                Self::Secret(credentials)
            }
            (Self::Token(token), None, None) => Self::Token(token),
            (Self::Nothing, Some(name), Some(secret)) => Self::Secret(Credentials { name, secret }),
            // A public client names itself without a secret.
            (Self::Nothing, _, None) => Self::Nothing,
            _ => Self::Malformed,
        }
    }

    /// Reads the header alone.
    pub(super) fn in_header(request: &HttpRequest, services: &Services) -> Self {
        let mut headers = request.headers().get_all(AUTHORIZATION);
        let Some(header) = headers.next() else {
            return Self::Nothing;
        };
        if headers.next().is_some() {
            return Self::Malformed;
        }
        if let Ok(token) = bearer_token(request, services.tokens.settings()) {
            return Self::Token(token.to_owned());
        }
        basic(header).map_or(Self::Malformed, Self::Secret)
    }

    /// The name of the authenticated service; without credentials an error.
    pub(super) async fn required_service(
        self,
        request: &HttpRequest,
        services: &Services,
    ) -> Result<String, OAuthError> {
        let service = self.service(request, services).await?;
        service.ok_or(OAuthError::InvalidClient)
    }

    /// The name of the authenticated service; `None` without credentials.
    pub(super) async fn service(
        self,
        request: &HttpRequest,
        services: &Services,
    ) -> Result<Option<String>, OAuthError> {
        let service = match self {
            Self::Nothing => return Ok(None),
            Self::Secret(presented) => {
                let actor = anonymous_actor(request);
                credentials::authenticate(services, &actor, &presented).await?
            }
            Self::Token(token) => match access::authenticate(services, &token).await {
                Ok(caller) => caller.service,
                Err(Error::Token(TokenError::OtherOwner)) => return Err(OAuthError::NotService),
                Err(error) if error.is_refused_token() => return Err(OAuthError::InvalidToken),
                Err(error) => return Err(error.into()),
            },
            Self::Malformed => return Err(malformed()),
        };
        RequestContext::of(request).note_caller(TokenOwner::Service(service.id));
        Ok(Some(service.name.clone()))
    }

    /// The name and the secret.
    pub(super) fn secret(self) -> Result<Credentials, OAuthError> {
        match self {
            Self::Secret(credentials) => Ok(credentials),
            Self::Nothing | Self::Token(_) => Err(OAuthError::InvalidClient),
            Self::Malformed => Err(malformed()),
        }
    }
}

fn malformed() -> OAuthError {
    OAuthError::InvalidRequest(
        "Send the credentials once: client_id and client_secret in the header Authorization (Basic) or in the body."
            .to_owned(),
    )
}

/// `Basic` (RFC 7617). Both values are form-encoded first (RFC 6749 section 2.3.1).
fn basic(header: &HeaderValue) -> Option<Credentials> {
    let (scheme, encoded) = header.to_str().ok()?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (name, secret) = pair.split_once(':')?;
    Some(Credentials {
        name: form_decoded(name),
        secret: form_decoded(secret),
    })
}

fn form_decoded(text: &str) -> String {
    // A text without separators is one name without a value.
    let separated = text.replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(separated.as_bytes());
    pairs
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        let header = HeaderValue::from_str(text).unwrap();
        basic(&header).map(|credentials| (credentials.name, credentials.secret))
    }

    #[test]
    fn basic_credentials_are_decoded() {
        let pair = |name: &str, secret: &str| Some((name.to_owned(), secret.to_owned()));
        assert_eq!(
            read("Basic YmlsbGluZzpzZWNyZXQ="),
            pair("billing", "secret")
        );
        assert_eq!(read("basic  YTpiOmM="), pair("a", "b:c"));
        // `a%3Ab:c+d%26e=f`
        assert_eq!(read("Basic YSUzQWI6YytkJTI2ZT1m"), pair("a:b", "c d&e=f"));
        for odd in [
            "Basic",
            "Basic !",
            "Basic YQ==",
            "Digest YTpi",
            "Basic gYGB",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
