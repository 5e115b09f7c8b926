//! Reading a body, JSON or form, field by field. The problems of all fields are collected; no type is converted implicitly.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::domain::problem::{Problem, Problems};
use crate::domain::text::clean;
use crate::http::api::endpoint::Endpoint;
use crate::http::api::errors::ApiError;
#[cfg(any(test, fuzzing))]
use crate::http::api::input::Kind;
use crate::http::api::input::{Declared, Field, Input, Presence};
use crate::http::request_body;
use crate::services::Error;

/// An object of JSON.
pub(super) type Object = Map<String, Value>;

/// The fields of a body, and the problems found so far.
pub(super) struct Fields {
    declared: Declared,
    values: Map<String, Value>,
    /// All values of a form are texts: `true` and `false` are read from them.
    from_form: bool,
    problems: Problems,
    /// Why there are no fields. [`Fields::finish`] returns it, later than the extractor, so that a caller without permission
    /// gets `401` or `403` first.
    unreadable: Option<ApiError>,
}

impl FromRequest for Fields {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = sent_media_type(request);
        let bytes = request_body::read(request.clone(), payload.take());
        let (declared, refuses_unknown) = declared_fields(request);
        Box::pin(async move {
            let read = match bytes.await {
                Ok(bytes) => Self::read(&bytes, media_type.as_deref(), declared),
                Err(error) => Err(ApiError::from_framework(&error)),
            };
            let mut fields = read.unwrap_or_else(|error| Self {
                unreadable: Some(error),
                ..Self::new(Map::new(), false, declared)
            });
            if refuses_unknown {
                fields.refuse_unknown();
            }
            Ok(fields)
        })
    }
}

/// The fields that the endpoint of a request declares, and whether it refuses others.
fn declared_fields(request: &HttpRequest) -> (&'static [Field], bool) {
    Endpoint::of(request).map_or((&[][..], false), |endpoint| {
        (endpoint.body, endpoint.refuses_unknown)
    })
}

fn sent_media_type(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(CONTENT_TYPE);
    header.map(|value| media_type(value.as_bytes()))
}

/// `type/subtype` in lower case, without parameters; `application/anything+json` is JSON (RFC 6839 section 3.1).
fn media_type(header: &[u8]) -> String {
    let text = String::from_utf8_lossy(header).to_ascii_lowercase();
    let essence = text.split(';').next().unwrap_or("").trim();
    if essence.starts_with("application/") && essence.ends_with("+json") {
        "application/json".into()
    } else {
        essence.to_owned()
    }
}

impl Fields {
    fn new(values: Map<String, Value>, from_form: bool, declared: &'static [Field]) -> Self {
        Self {
            declared: Declared::new(declared),
            values,
            from_form,
            problems: Problems::default(),
            unreadable: None,
        }
    }

    /// Reads the body of a request, which was received as a whole.
    pub(super) fn of_request(request: &HttpRequest, bytes: &[u8]) -> Result<Self, ApiError> {
        let (declared, refuses_unknown) = declared_fields(request);
        let mut fields = Self::read(bytes, sent_media_type(request).as_deref(), declared)?;
        if refuses_unknown {
            fields.refuse_unknown();
        }
        Ok(fields)
    }

    /// The fields of an object within a body, and no others.
    pub(super) fn of_object(object: Object, declared: &'static [Field]) -> Self {
        let mut fields = Self::new(object, false, declared);
        fields.refuse_unknown();
        fields
    }

    /// Reads a body of an endpoint with these fields. The media type is in lower case and without parameters.
    pub(super) fn read(
        bytes: &[u8],
        media_type: Option<&str>,
        declared: &'static [Field],
    ) -> Result<Self, ApiError> {
        let (values, from_form) = match media_type {
            Some("application/json") => (json(bytes)?, false),
            Some("application/x-www-form-urlencoded") => (form(bytes)?, true),
            None if bytes.is_empty() => (Map::new(), false),
            _ => return Err(ApiError::UnsupportedMediaType),
        };
        Ok(Self::new(values, from_form, declared))
    }

    /// Whether the body could be read; if not, [`Fields::finish`] returns why.
    pub(super) fn are_readable(&self) -> bool {
        self.unreadable.is_none()
    }

    /// Whether a field was sent and is not null.
    pub(super) fn has<T>(&mut self, input: &Input<T>) -> bool {
        self.declared.note_any(input.name);
        self.is_sent(input.name)
    }

    /// Whether a field is exactly this text.
    pub(super) fn is_text<T>(&mut self, input: &Input<T>, text: &str) -> bool {
        self.declared.note_any(input.name);
        self.values
            .get(input.name)
            .is_some_and(|value| value == text)
    }

    fn is_sent(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// Adds a problem of a field.
    pub(super) fn problem(&mut self, name: &str, problem: Problem) {
        self.problems.add(name, problem);
    }

    /// A field that must be sent. `None` only if it has a problem.
    pub(super) fn required<T>(&mut self, input: &Input<T>) -> Option<T> {
        const PRESENCES: &[Presence] = &[
            Presence::Required,
            Presence::Alternative,
            Presence::UnlessCookie,
        ];
        self.declared.note(input.name, PRESENCES);
        if self.is_sent(input.name) {
            self.text(input.name, input.parse)
        } else {
            self.problem(input.name, Problem::Required);
            None
        }
    }

    /// A field that may be missing or null.
    pub(super) fn optional<T>(&mut self, input: &Input<T>) -> Option<T> {
        self.optional_as(input, input.parse)
    }

    /// A field that may be missing or null, read by another parser than the declared one.
    pub(super) fn optional_as<T, U>(
        &mut self,
        input: &Input<T>,
        parse: impl FnOnce(&str) -> Result<U, Problem>,
    ) -> Option<U> {
        self.declared.note(input.name, &[Presence::Optional]);
        self.text(input.name, parse)
    }

    fn text<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Option<T> {
        let read = match self.values.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => parse(text),
            Some(_) => Err(Problem::NotText),
        };
        read.map_err(|problem| self.problem(name, problem)).ok()
    }

    /// A field that may be missing (the outer `None`), or null or blank (the inner `None`: its value is removed).
    #[expect(clippy::option_option, reason = "missing and null are two cases")]
    pub(super) fn clearable<T>(&mut self, input: &Input<T>) -> Option<Option<T>> {
        match self.values.get(input.name) {
            Some(Value::String(text)) if clean(text).is_empty() => {
                self.declared.note(input.name, &[Presence::Nullable]);
                Some(None)
            }
            _ => self.nullable(input),
        }
    }

    /// As [`Fields::clearable`], but a blank text is a value like others.
    #[expect(clippy::option_option, reason = "missing and null are two cases")]
    pub(super) fn nullable<T>(&mut self, input: &Input<T>) -> Option<Option<T>> {
        self.declared.note(input.name, &[Presence::Nullable]);
        match self.values.get(input.name) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(_) => self.text(input.name, input.parse).map(Some),
        }
    }

    /// An object that may be missing (the outer `None`), or null or empty (the inner `None`: its value is removed). In a form
    /// it is JSON text.
    #[expect(clippy::option_option, reason = "missing and null are two cases")]
    pub(super) fn object<T>(&mut self, input: &Input<Option<T>>) -> Option<Option<T>> {
        self.declared.note(input.name, &[Presence::Nullable]);
        let text = match self.values.get(input.name)? {
            Value::Null => return Some(None),
            Value::String(text) if self.from_form && clean(text).is_empty() => return Some(None),
            Value::String(text) if self.from_form => text.clone(),
            Value::Object(object) => Value::Object(object.clone()).to_string(),
            _ => {
                self.problem(input.name, Problem::NotClaims);
                return None;
            }
        };
        let read = (input.parse)(&text);
        read.map_err(|problem| self.problem(input.name, problem))
            .ok()
    }

    /// An object that must be sent, as its text. In a form it is JSON text.
    pub(super) fn required_object<T>(&mut self, input: &Input<T>) -> Option<T> {
        const PRESENCES: &[Presence] = &[Presence::Required, Presence::Alternative];
        self.declared.note(input.name, PRESENCES);
        if !self.is_sent(input.name) {
            self.problem(input.name, Problem::Required);
        }
        self.object_text(input)
    }

    fn object_text<T>(&mut self, input: &Input<T>) -> Option<T> {
        let read = match self.values.get(input.name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) if self.from_form => (input.parse)(text),
            Some(object @ Value::Object(_)) => (input.parse)(&object.to_string()),
            Some(_) => Err(Problem::NotPasskey),
        };
        read.map_err(|problem| self.problem(input.name, problem))
            .ok()
    }

    /// A list of objects that must be sent. In a form it is JSON text.
    pub(super) fn objects(&mut self, input: &Input<Vec<Object>>) -> Option<Vec<Object>> {
        self.declared.note(input.name, &[Presence::Required]);
        let read = match self.values.get(input.name) {
            None | Some(Value::Null) => Err(Problem::Required),
            Some(Value::String(text)) if self.from_form => (input.parse)(text),
            Some(list) => (input.parse)(&list.to_string()),
        };
        read.map_err(|problem| self.problem(input.name, problem))
            .ok()
    }

    /// A boolean that may be missing or null.
    pub(super) fn boolean(&mut self, input: &Input<bool>) -> Option<bool> {
        self.declared.note(input.name, &[Presence::Optional]);
        self.truth(input.name)
    }

    fn truth(&mut self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(value)) => Some(*value),
            Some(Value::String(text)) if self.from_form && text == "true" => Some(true),
            Some(Value::String(text)) if self.from_form && text == "false" => Some(false),
            Some(_) => {
                self.problem(name, Problem::NotBoolean);
                None
            }
        }
    }

    /// Reads a field by its declaration, for its problems alone.
    #[cfg(any(test, fuzzing))]
    pub(super) fn check(&mut self, field: &Field) {
        self.declared.note(field.name, &[field.presence]);
        if field.presence == Presence::Required && !self.is_sent(field.name) {
            self.problem(field.name, Problem::Required);
        }
        match field.kind {
            Kind::Boolean => {
                self.truth(field.name);
            }
            // An object is read by the handler alone.
            Kind::Object | Kind::Credential | Kind::Items(_) => {}
            _ => {
                self.text(field.name, |text| field.problem(text).map_or(Ok(()), Err));
            }
        }
    }

    /// Refuses every field that the endpoint does not declare, by name.
    pub(super) fn refuse_unknown(&mut self) {
        let names = self.values.keys();
        let unknown: Vec<String> = names
            .filter(|name| !self.declared.contains(name))
            // A name can be as long as the body; the answer contains the beginning.
            .map(|name| name.chars().take(64).collect())
            .collect();
        for name in unknown {
            self.problem(&name, Problem::UnknownField);
        }
    }

    /// Refuses a body that has none of the declared fields: there is nothing to change.
    pub(super) fn require_any(&mut self) {
        let has = |name| self.values.contains_key(name);
        if !self.declared.names().any(has) {
            self.problem("body", Problem::NothingToChange);
        }
    }

    /// Ends the reading; an error if there are problems.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        self.declared.assert_complete();
        if let Some(error) = self.unreadable {
            return Err(error);
        }
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.problems).into())
        }
    }

    /// Ends the reading and returns what [`Fields::required`] read; an error if any field has a problem.
    pub(super) fn complete<T>(self, value: Option<T>) -> Result<T, ApiError> {
        self.finish()?;
        // `None` without a problem cannot happen.
        value.ok_or_else(ApiError::malformed_body)
    }
}

fn json(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    // The parser refuses nesting deeper than 128, and surrogates that are not a pair.
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Error::Invalid(Problems::one("body", Problem::NotObject)).into()),
        Err(_) => Err(ApiError::malformed_body()),
    }
}

fn form(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(ApiError::malformed_body());
    }
    let pairs = form_urlencoded::parse(bytes);
    Ok(pairs
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect())
}
