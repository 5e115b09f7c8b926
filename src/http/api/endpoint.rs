//! An endpoint of the API as the route table declares it.

use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Responder, Route, http, web};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::domain::admin_scope::AdminScope;
use crate::http::api::answer::Answer;
use crate::http::api::codes::Code;
use crate::http::api::errors::ApiError;
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
    /// Services, by their secret.
    ServiceSecret,
    /// Services, by their secret or with an access token of their own.
    Service,
    /// Internal users whose role may list accounts.
    Internal,
    /// Internal users whose role may change accounts.
    Administrator,
    /// Services with an access token that has this scope.
    Scope(AdminScope),
}

/// Makes the schema of a type.
pub(in crate::http) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The body of a successful answer.
#[derive(Clone, Copy)]
pub(in crate::http) enum Body {
    /// The envelope with this code; its `data` is what the handler returns.
    Envelope(&'static str),
    /// JSON of this schema, without the envelope.
    Json(SchemaOf),
    /// A signed document (JWT) of this media type.
    Signed(&'static str),
    /// Lines of JSON, each of this schema.
    Lines(SchemaOf),
    /// No body.
    Empty,
}

/// A handler, and the schema of the data that it returns.
pub(super) struct Registered {
    route: Route,
    data: fn(&mut SchemaGenerator) -> Option<Schema>,
}

/// What a handler returns, as the document describes it.
pub(super) trait Described {
    /// The schema of `data`; `None` without data, or without the envelope.
    fn data(generator: &mut SchemaGenerator) -> Option<Schema>;
}

impl<T: JsonSchema> Described for Result<Answer<T>, ApiError> {
    fn data(generator: &mut SchemaGenerator) -> Option<Schema> {
        let schema = generator.subschema_for::<T>();
        let is_unit = schema.get("type").is_some_and(|name| name == "null");
        (!is_unit).then_some(schema)
    }
}

impl Described for HttpResponse {
    fn data(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }
}

impl<E> Described for Result<HttpResponse, E> {
    fn data(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }
}

/// Registers a handler.
pub(super) fn to<F, Args>(handler: F) -> Registered
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + Described + 'static,
{
    Registered {
        route: web::to(handler),
        data: F::Output::data,
    }
}

/// A method of a path.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something of its own, and each is set by name"
)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The scope with which the access token of a service suffices as well.
    pub or_scope: Option<AdminScope>,
    /// One line for the documentation.
    pub summary: &'static str,
    /// The parameters of the query.
    pub query: &'static [Field],
    /// The fields of the body, JSON or form.
    pub body: &'static [Field],
    /// Whether fields and parameters that are not declared are refused by name. Otherwise they are ignored.
    pub refuses_unknown: bool,
    /// Whether the handler answers every method of HTTP, and not only [`Endpoint::method`].
    pub every_method: bool,
    /// The status of a successful answer.
    pub status: u16,
    /// The body of a successful answer.
    pub(in crate::http) answer: Body,
    /// Further answers in JSON without the envelope, by status.
    pub(in crate::http) other_answers: &'static [(u16, SchemaOf)],
    /// Whether errors have the form of OAuth 2.0 (RFC 6749 section 5.2).
    pub(in crate::http) is_oauth: bool,
    /// Its own error codes, besides those that its access and its inputs bring.
    pub errors: &'static [Code],
    /// Whether it reads the header `X-Device-Token`.
    pub reads_device_token: bool,
    /// Whether it reads the header `Prefer: wait=…`.
    pub waits: bool,
    /// Whether a successful answer has an entity tag, and `If-None-Match` with it is answered `304`.
    pub has_tag: bool,
    /// Whether it reads the header `Idempotency-Key`.
    pub is_repeatable: bool,
    /// The body of the example in the documentation, as JSON; generated from the fields if it is empty.
    pub example: &'static str,
    handler: fn() -> Registered,
}

impl Endpoint {
    /// An endpoint without query and body.
    pub(super) const fn new(
        method: Method,
        path: &'static str,
        access: Access,
        summary: &'static str,
        handler: fn() -> Registered,
    ) -> Self {
        Self {
            method,
            path,
            access,
            or_scope: None,
            summary,
            query: &[],
            body: &[],
            refuses_unknown: false,
            every_method: false,
            status: 200,
            answer: Body::Envelope(""),
            other_answers: &[],
            is_oauth: false,
            errors: &[],
            reads_device_token: false,
            waits: false,
            has_tag: false,
            is_repeatable: false,
            example: "",
            handler,
        }
    }

    /// The same, also for services whose access tokens have this scope. The handler takes [`Internal`](Access::Internal).
    pub(super) const fn or_scope(self, scope: AdminScope) -> Self {
        Self {
            or_scope: Some(scope),
            ..self
        }
    }

    /// The same, answered `200` with this code.
    pub(super) const fn ok(self, code: &'static str) -> Self {
        let answer = Body::Envelope(code);
        Self { answer, ..self }
    }

    /// The same, answered `201` with this code.
    pub(super) const fn created(self, code: &'static str) -> Self {
        Self {
            status: 201,
            ..self.ok(code)
        }
    }

    /// The same, answered `202` with this code.
    pub(super) const fn accepted(self, code: &'static str) -> Self {
        Self {
            status: 202,
            ..self.ok(code)
        }
    }

    /// The same, answered with JSON without the envelope.
    pub(super) const fn json<T: JsonSchema>(self) -> Self {
        let answer = Body::Json(SchemaGenerator::subschema_for::<T>);
        Self { answer, ..self }
    }

    /// The same, answered with a signed document of this media type.
    pub(super) const fn signed(self, media_type: &'static str) -> Self {
        let answer = Body::Signed(media_type);
        Self { answer, ..self }
    }

    /// The same, answered with lines of JSON.
    pub(super) const fn lines<T: JsonSchema>(self) -> Self {
        let answer = Body::Lines(SchemaGenerator::subschema_for::<T>);
        Self { answer, ..self }
    }

    /// The same, answered without a body.
    pub(super) const fn empty(self) -> Self {
        Self {
            answer: Body::Empty,
            ..self
        }
    }

    /// The same with further answers in JSON without the envelope.
    pub(super) const fn or(self, other_answers: &'static [(u16, SchemaOf)]) -> Self {
        Self {
            other_answers,
            ..self
        }
    }

    /// The same, whose errors have the form of OAuth 2.0.
    pub(super) const fn oauth(self) -> Self {
        Self {
            is_oauth: true,
            ..self
        }
    }

    /// The same with error codes of its own.
    pub(super) const fn errors(self, errors: &'static [Code]) -> Self {
        Self { errors, ..self }
    }

    /// The same, which reads the header `X-Device-Token`.
    pub(super) const fn on_device(self) -> Self {
        Self {
            reads_device_token: true,
            ..self
        }
    }

    /// The same, which reads the header `Prefer: wait=…`.
    pub(super) const fn waits(self) -> Self {
        Self {
            waits: true,
            ..self
        }
    }

    /// The same, whose successful answers have an entity tag.
    pub(super) const fn tagged(self) -> Self {
        Self {
            has_tag: true,
            ..self
        }
    }

    /// The same, which reads the header `Idempotency-Key`.
    pub(super) const fn repeatable(self) -> Self {
        Self {
            is_repeatable: true,
            ..self
        }
    }

    /// The same with the body of the example, as JSON.
    pub(super) const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// A route to the handler.
    pub(super) fn route(&self) -> Route {
        (self.handler)().route
    }

    /// The schema of the data that the handler returns.
    pub(in crate::http) fn data(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        ((self.handler)().data)(generator)
    }

    /// The same with parameters of the query.
    pub(super) const fn query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    /// The same with parameters of the query, and no others.
    pub(super) const fn strict_query(self, query: &'static [Field]) -> Self {
        Self {
            query,
            refuses_unknown: true,
            ..self
        }
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

    /// The same for every method of HTTP, `OPTIONS` included. It is the only endpoint of its path.
    pub(super) const fn every_method(self) -> Self {
        Self {
            every_method: true,
            ..self
        }
    }

    /// Whether it answers this method.
    fn accepts(&self, method: &http::Method) -> bool {
        self.every_method || self.method.accepted().contains(method)
    }

    /// The endpoint of a request that its route has matched; `None` where the route table has no such method.
    pub(super) fn of(request: &HttpRequest) -> Option<&'static Self> {
        let of_path = request.app_data::<OfPath>()?.0;
        of_path
            .iter()
            .find(|endpoint| endpoint.accepts(request.method()))
    }
}

/// The endpoints of one path, as data of its resource.
pub(super) struct OfPath(pub &'static [Endpoint]);
