//! Reading a body by the rules of Django REST framework: parsers, and text fields (`CharField`).

use std::{convert::Infallible, future::ready};

use actix_web::{
    HttpRequest, dev::Payload, http::StatusCode, http::header::CONTENT_TYPE, web::Bytes,
};
use serde_json::{Map, Value};

use crate::http::api::simplejwt::refusal::{FieldProblem, Refusal};
use crate::http::request_body;

/// The values of a body, before they are checked.
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// Reads a JSON object or a form. An empty body has no fields.
    pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Refusal> {
        let content_type = request.headers().get(CONTENT_TYPE);
        let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = content_type.unwrap_or_default().into_owned();
        let bytes = request_body::read(request.clone(), payload).await;
        let bytes = bytes.map_err(|error| match error.as_response_error().status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Refusal::MediaType(content_type.clone()),
            _ => Refusal::Json("the body ends early".to_owned()),
        })?;
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => Self::of_json(&bytes),
            "application/x-www-form-urlencoded" => {
                let pairs = form_urlencoded::parse(&bytes);
                let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into()));
                Ok(Self(pairs.collect()))
            }
            "multipart/form-data" => Self::of_parts(bytes, &content_type).await,
            _ => Err(Refusal::MediaType(content_type)),
        }
    }

    /// The text fields of a form in parts (RFC 7578). Files are ignored.
    async fn of_parts(bytes: Bytes, content_type: &str) -> Result<Self, Refusal> {
        let malformed = |error: multer::Error| Refusal::Form(error.to_string());
        let boundary = multer::parse_boundary(content_type).map_err(malformed)?;
        let stream = futures_util::stream::once(ready(Ok::<_, Infallible>(bytes)));
        let mut parts = multer::Multipart::new(stream, boundary);
        let mut values = Map::new();
        while let Some(part) = parts.next_field().await.map_err(malformed)? {
            let name = part.name().map(str::to_owned);
            let is_file = part.file_name().is_some();
            let text = part.text().await.map_err(malformed)?;
            if let Some(name) = name.filter(|_| !is_file) {
                values.insert(name, text.into());
            }
        }
        Ok(Self(values))
    }

    fn of_json(bytes: &[u8]) -> Result<Self, Refusal> {
        let kind = match serde_json::from_slice(bytes) {
            Ok(Value::Object(values)) => return Ok(Self(values)),
            Ok(Value::Null) => return Err(Refusal::NoData),
            Ok(Value::Array(_)) => "list",
            Ok(Value::String(_)) => "str",
            Ok(Value::Bool(_)) => "bool",
            Ok(Value::Number(number)) if number.is_f64() => "float",
            Ok(Value::Number(_)) => "int",
            Err(error) => return Err(Refusal::Json(error.to_string())),
        };
        Err(Refusal::NotAnObject(kind))
    }

    /// The text of a required field. Blanks at both ends are removed, except those of a password.
    fn text(&mut self, name: &str) -> Result<String, FieldProblem> {
        let text = match self.0.remove(name) {
            None => return Err(FieldProblem::Required),
            Some(Value::Null) => return Err(FieldProblem::Null),
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(FieldProblem::NotText);
            }
        };
        if text.trim().is_empty() {
            return Err(FieldProblem::Blank);
        }
        if text.contains('\0') {
            return Err(FieldProblem::NullCharacter);
        }
        Ok(if name == PASSWORD {
            text
        } else {
            text.trim().to_owned()
        })
    }

    /// The texts of these fields; the problems of all of them together.
    pub(super) fn texts<const N: usize>(
        mut self,
        names: [&str; N],
    ) -> Result<[String; N], Refusal> {
        let mut problems = Vec::new();
        let texts = names.map(|name| {
            self.text(name).unwrap_or_else(|problem| {
                problems.push((name.to_owned(), problem));
                String::new()
            })
        });
        if problems.is_empty() {
            Ok(texts)
        } else {
            Err(Refusal::Fields(problems))
        }
    }
}

/// The field with the password.
pub(super) const PASSWORD: &str = "password";
