//! Deserializes values from the file and the environment. Values from the file keep their TOML type; values from the
//! environment are text and are parsed as the type that is expected. Error messages never repeat a value.

use std::{collections::BTreeMap, fmt::Display};

use serde::{
    Deserializer, de,
    de::{
        Expected, IntoDeserializer, Unexpected, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::config::catalogue::list;

/// A value as it was set.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// From the file.
    Toml(toml::Value),
    /// From the environment.
    Text(String),
}

/// Why a value cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    /// Wrong type or out of range; an example is added to the message.
    #[error("{0}")]
    Type(String),
    /// The complete message.
    #[error("{0}")]
    Message(String),
}

impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Message(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a number",
            Unexpected::Float(_) => "a number with decimals",
            Unexpected::Str(_) | Unexpected::Char(_) => "text",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a table",
            _ => "a value of another type",
        };
        Self::Type(format!("expected {}, found {found}", describe(expected)))
    }

    fn invalid_value(_: Unexpected, expected: &dyn Expected) -> Self {
        Self::Type(format!("out of range: give {}", describe(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Message(format!("unknown value: give one of {}", list(expected)))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Message(format!("unknown key `{field}`"))
    }
}

/// Names an expected type in plain words.
fn describe(expected: &dyn Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number of 0 or more".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" | "a string or map" | "string or map" | "path string" => {
            "text in quotes".to_owned()
        }
        "a sequence" => "a list in brackets".to_owned(),
        "a map" => "a table such as `{ tenant = \"acme\" }`".to_owned(),
        _ if name.starts_with("enum ") => "text in quotes".to_owned(),
        _ => name,
    }
}

impl Value {
    /// Whether it is an empty text, which counts as not set.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Toml(toml::Value::String(text)) | Self::Text(text) => text.trim().is_empty(),
            Self::Toml(_) => false,
        }
    }
}

/// Implements deserialization of whole numbers, which are parsed if they come from the environment.
macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match &self {
                Self::Text(text) => match text.trim().parse() {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => Err(ReadError::Type("not a whole number".to_owned())),
                },
                Self::Toml(_) => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => visitor.visit_string(text),
            Self::Toml(toml::Value::Integer(number)) => visitor.visit_i64(number),
            Self::Toml(toml::Value::Float(number)) => visitor.visit_f64(number),
            Self::Toml(toml::Value::Boolean(value)) => visitor.visit_bool(value),
            Self::Toml(toml::Value::Datetime(_)) => Err(ReadError::Type(
                "expected another type, found a date: put text in quotes".to_owned(),
            )),
            Self::Toml(toml::Value::Array(items)) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self::Toml)))
            }
            Self::Toml(toml::Value::Table(table)) => visitor.visit_map(MapDeserializer::new(
                table
                    .into_iter()
                    .map(|(key, value)| (key, Self::Toml(value))),
            )),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self {
            Self::Text(text) => match text.trim().parse() {
                Ok(value) => visitor.visit_bool(value),
                Err(_) => Err(ReadError::Type("neither `true` nor `false`".to_owned())),
            },
            Self::Toml(_) => self.deserialize_any(visitor),
        }
    }

    whole_numbers! { deserialize_u16 deserialize_u32 deserialize_u64 }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self {
            Self::Text(text) => match text.trim().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(ReadError::Type("not a number".to_owned())),
            },
            Self::Toml(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.is_empty() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self {
            Self::Text(text) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                visitor.visit_seq(SeqDeserializer::new(
                    items.map(|item| Self::Text(item.to_owned())),
                ))
            }
            Self::Toml(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self::Text(text) = &self else {
            return self.deserialize_any(visitor);
        };
        match serde_json::from_str::<BTreeMap<String, toml::Value>>(text) {
            Ok(table) => visitor.visit_map(MapDeserializer::new(
                table
                    .into_iter()
                    .map(|(key, value)| (key, Self::Toml(value))),
            )),
            Err(_) => Err(ReadError::Message(
                "not a JSON object: write for example `{\"tenant\": \"acme\"}`".to_owned(),
            )),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => {
                visitor.visit_enum(text.into_deserializer())
            }
            Self::Toml(_) => Err(ReadError::Type(
                "expected text in quotes, found a value of another type".to_owned(),
            )),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct struct
        identifier ignored_any
    }
}

impl IntoDeserializer<'_, ReadError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
