//! Reading a body, JSON or form, field by field: every field's problem is gathered, nothing is guessed.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
    web::Bytes,
};
use serde_json::{Map, Value};

use crate::{
    domain::{
        password::Password,
        problem::{Problem, Problems},
    },
    http::api::errors::ApiError,
    services::Error,
};

/// The largest body that is read, in bytes.
pub(in crate::http) const MAX_BODY: usize = 64 * 1024;

/// The fields of a body, and what was found wrong with them so far.
pub(super) struct Fields {
    values: Map<String, Value>,
    /// A form knows only texts: `true` and `12` are read from them.
    from_form: bool,
    problems: Problems,
    /// Why there are no fields. It is told by [`Fields::finish`] and not at once: who may not call learns that first.
    unreadable: Option<ApiError>,
}

impl FromRequest for Fields {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let encoded = request
            .headers()
            .get(CONTENT_ENCODING)
            .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
        let media_type = request
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| media_type(value.as_bytes()));
        // The server could unpack it (the panel's answers are compressed), but this door never promised to.
        let bytes = (!encoded).then(|| Bytes::from_request(request, payload));
        Box::pin(async move {
            let read = match bytes {
                None => Err(ApiError::UnsupportedMediaType),
                Some(bytes) => match bytes.await {
                    Ok(bytes) => Self::read(&bytes, media_type.as_deref()),
                    Err(error) => Err(refused_body(&error)),
                },
            };
            Ok(read.unwrap_or_else(|error| Self {
                unreadable: Some(error),
                ..Self::new(Map::new(), false)
            }))
        })
    }
}

fn refused_body(error: &actix_web::Error) -> ApiError {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => ApiError::PayloadTooLarge,
        _ if error.as_response_error().status_code() == 413 => ApiError::PayloadTooLarge,
        _ => malformed(),
    }
}

fn malformed() -> ApiError {
    ApiError::from(Error::Invalid(Problems::one(
        "body",
        Problem::MalformedBody,
    )))
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
    fn new(values: Map<String, Value>, from_form: bool) -> Self {
        Self {
            values,
            from_form,
            problems: Problems::default(),
            unreadable: None,
        }
    }

    /// Reads a body of this type, which is in lower case and without parameters.
    pub(super) fn read(bytes: &[u8], media_type: Option<&str>) -> Result<Self, ApiError> {
        match media_type {
            Some("application/json") => Self::from_json(bytes),
            Some("application/x-www-form-urlencoded") => Self::from_form(bytes),
            None if bytes.is_empty() => Ok(Self::new(Map::new(), false)),
            _ => Err(ApiError::UnsupportedMediaType),
        }
    }

    fn from_json(bytes: &[u8]) -> Result<Self, ApiError> {
        if bytes.is_empty() {
            return Ok(Self::new(Map::new(), false));
        }
        // Deep nesting ends at the parser's limit of 128; lone surrogates are no text.
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(values)) => Ok(Self::new(values, false)),
            Ok(_) => Err(Error::Invalid(Problems::one("body", Problem::NotObject)).into()),
            Err(_) => Err(malformed()),
        }
    }

    fn from_form(bytes: &[u8]) -> Result<Self, ApiError> {
        if std::str::from_utf8(bytes).is_err() {
            return Err(malformed());
        }
        let pairs = form_urlencoded::parse(bytes);
        let values = pairs
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        Ok(Self::new(values, true))
    }

    /// Whether there are fields at all; where there are none, [`Fields::finish`] tells why.
    pub(super) fn are_readable(&self) -> bool {
        self.unreadable.is_none()
    }

    /// Whether the body has a field of this name that is not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a field is this very text.
    pub(super) fn says(&self, name: &str, text: &str) -> bool {
        self.values.get(name).is_some_and(|value| value == text)
    }

    /// Notes a problem of a field.
    pub(super) fn problem(&mut self, name: &str, problem: Problem) {
        self.problems.add(name, problem);
    }

    /// A field that must be there: its text, read by `parse`.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        if self.has(name) {
            self.optional(name, parse)
        } else {
            self.problem(name, Problem::Required);
            None
        }
    }

    /// A field that may be missing (or null): its text, read by `parse`.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let read = match self.values.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => parse(text),
            Some(_) => Err(Problem::NotText),
        };
        read.map_err(|problem| self.problem(name, problem)).ok()
    }

    /// A field that may be missing (as it was), or null or an empty text (emptied): the outer `None` and the inner.
    #[expect(
        clippy::option_option,
        reason = "left alone and emptied are two things"
    )]
    pub(super) fn clearable<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<Option<T>> {
        match self.values.get(name) {
            Some(Value::String(text)) if text.trim().is_empty() => Some(None),
            _ => self.nullable(name, parse),
        }
    }

    /// As [`Fields::clearable`], for a field whose empty text is a mistake and not a wish.
    #[expect(
        clippy::option_option,
        reason = "left alone and emptied are two things"
    )]
    pub(super) fn nullable<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<Option<T>> {
        match self.values.get(name) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(_) => self.optional(name, parse).map(Some),
        }
    }

    /// A truth that may be missing (or null).
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
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

    /// Refuses every field that is not among `known`, by name.
    pub(super) fn refuse_unknown(&mut self, known: &[&str]) {
        let unknown: Vec<String> = self
            .values
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .cloned()
            .collect();
        for name in unknown {
            // A name can be as long as the body; it is told back cut.
            let name: String = name.chars().take(64).collect();
            self.problem(&name, Problem::UnknownField);
        }
    }

    /// Refuses a body that has none of these fields: there is nothing to change.
    pub(super) fn require_any(&mut self, names: &[&str]) {
        if !names.iter().any(|name| self.values.contains_key(*name)) {
            self.problem("body", Problem::NothingToChange);
        }
    }

    /// The problems so far; it is an error when there are any.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if let Some(error) = self.unreadable {
            return Err(error);
        }
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.problems).into())
        }
    }

    /// What a field reader gave, and the problems when any field had one.
    pub(super) fn complete<T>(self, value: Option<T>) -> Result<T, ApiError> {
        self.finish()?;
        // A reader gives nothing only where it noted a problem.
        value.ok_or_else(malformed)
    }
}

/// The most characters of a name that somebody tries to log in by.
const MAX_IDENTIFIER: usize = 254;

/// A name that somebody tries to log in by: it is compared, not stored, so only what no name can be is refused.
pub(super) fn identifier(typed: &str) -> Result<String, Problem> {
    if typed.trim().is_empty() {
        Err(Problem::Blank)
    } else if typed.chars().count() > MAX_IDENTIFIER {
        Err(Problem::TooLong {
            max: MAX_IDENTIFIER,
        })
    } else if typed.contains(char::is_control) {
        Err(Problem::ControlCharacter)
    } else {
        Ok(typed.to_owned())
    }
}

/// A token as text; whether it is one is for others to say.
pub(super) fn token(typed: &str) -> Result<String, Problem> {
    let trimmed = typed.trim();
    if trimmed.is_empty() {
        Err(Problem::Blank)
    } else {
        Ok(trimmed.to_owned())
    }
}

/// A password as typed.
pub(super) fn password(typed: &str) -> Result<Password, Problem> {
    Password::parse(typed)
}
