//! An endpoint of the API as the route table declares it.

use actix_web::{HttpRequest, Route, http};

use crate::http::api::input::Field;

/// A method of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`, and with it `HEAD`.
    Get,
    /// `POST`.
    Post,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The method's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.accepted()[0].as_str()
    }

    /// The methods of HTTP that it accepts.
    pub(super) fn accepted(self) -> &'static [http::Method] {
        match self {
            Self::Get => &[http::Method::GET, http::Method::HEAD],
            Self::Post => &[http::Method::POST],
            Self::Patch => &[http::Method::PATCH],
            Self::Delete => &[http::Method::DELETE],
        }
    }
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without an access token.
    Anyone,
    /// Anyone with a valid access token, of either population.
    Bearer,
    /// The same, or anyone with a valid refresh token, in the body or the cookie.
    BearerOrRefresh,
    /// Internal users.
    Internal,
    /// Internal users with the role `admin`.
    Administrator,
}

/// A method of a path.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// One line for the documentation.
    pub summary: &'static str,
    /// The parameters of the query. Others are ignored.
    pub query: &'static [Field],
    /// The fields of the body, JSON or form.
    pub body: &'static [Field],
    /// Whether fields that are not declared are refused by name. Otherwise they are ignored.
    pub refuses_unknown: bool,
    /// The handler.
    pub(super) route: fn() -> Route,
}

impl Endpoint {
    /// An endpoint without query and body.
    pub(super) const fn new(
        method: Method,
        path: &'static str,
        access: Access,
        summary: &'static str,
        route: fn() -> Route,
    ) -> Self {
        Self {
            method,
            path,
            access,
            summary,
            query: &[],
            body: &[],
            refuses_unknown: false,
            route,
        }
    }

    /// The same with parameters of the query.
    pub(super) const fn query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    /// The same with fields of the body.
    pub(super) const fn body(self, body: &'static [Field]) -> Self {
        Self { body, ..self }
    }

    /// The same with fields of the body, and no others.
    pub(super) const fn strict_body(self, body: &'static [Field]) -> Self {
        Self {
            body,
            refuses_unknown: true,
            ..self
        }
    }

    /// The endpoint of a request that its route has matched; `None` where the route table has no such method.
    pub(super) fn of(request: &HttpRequest) -> Option<&'static Self> {
        let of_path = request.app_data::<OfPath>()?.0;
        of_path
            .iter()
            .find(|endpoint| endpoint.method.accepted().contains(request.method()))
    }
}

/// The endpoints of one path, as data of its resource.
pub(super) struct OfPath(pub &'static [Endpoint]);
