//! How a written value becomes a typed one: strict for a file, where a type can be written; by what is asked for in
//! the environment, where everything is text. Its messages name kinds of values and never repeat one.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use serde::{
    Deserializer, de,
    de::{
        Expected, IntoDeserializer, Unexpected, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::config::catalogue::list;

/// A value, in the form it was given.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// From a file, with a type.
    Written(toml::Value),
    /// From the environment: text, whatever is asked for.
    Typed(String),
}

/// Why a value could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// A value of another kind than its key asks for; an example of a right one helps.
    Kind(String),
    /// The whole message.
    Message(String),
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Kind(message) | Self::Message(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Message(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Bool(_) => "a truth value",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a number",
            Unexpected::Float(_) => "a number with a fraction",
            Unexpected::Str(_) | Unexpected::Char(_) => "text",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a table",
            _ => "another kind of value",
        };
        Self::Kind(format!("{found} stands where {} belongs", wanted(expected)))
    }

    fn invalid_value(_: Unexpected, expected: &dyn Expected) -> Self {
        Self::Kind(format!("does not fit: give {}", wanted(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Message(format!(
            "not one of the words known here: give one of {}",
            list(expected)
        ))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Message(format!("unknown key `{field}`"))
    }
}

/// What a type asks for, in a person's words.
fn wanted(expected: &dyn Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number from 0 on".to_owned(),
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
    fn is_empty(&self) -> bool {
        match self {
            Self::Written(toml::Value::String(text)) | Self::Typed(text) => text.trim().is_empty(),
            Self::Written(_) => false,
        }
    }
}

/// Reads a whole number from the environment's text, else what the file says.
macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match &self {
                Self::Typed(text) => match text.trim().parse() {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => Err(ReadError::Kind("not a whole number".to_owned())),
                },
                Self::Written(_) => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Typed(text) | Self::Written(toml::Value::String(text)) => {
                visitor.visit_string(text)
            }
            Self::Written(toml::Value::Integer(number)) => visitor.visit_i64(number),
            Self::Written(toml::Value::Float(number)) => visitor.visit_f64(number),
            Self::Written(toml::Value::Boolean(truth)) => visitor.visit_bool(truth),
            Self::Written(toml::Value::Datetime(_)) => Err(ReadError::Kind(
                "a date stands where none belongs: put text in quotes".to_owned(),
            )),
            Self::Written(toml::Value::Array(items)) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self::Written)))
            }
            Self::Written(toml::Value::Table(table)) => visitor.visit_map(MapDeserializer::new(
                table
                    .into_iter()
                    .map(|(key, value)| (key, Self::Written(value))),
            )),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self {
            Self::Typed(text) => match text.trim().parse() {
                Ok(truth) => visitor.visit_bool(truth),
                Err(_) => Err(ReadError::Kind("neither `true` nor `false`".to_owned())),
            },
            Self::Written(_) => self.deserialize_any(visitor),
        }
    }

    whole_numbers! { deserialize_u16 deserialize_u32 deserialize_u64 }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.is_empty() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self {
            Self::Typed(text) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                visitor.visit_seq(SeqDeserializer::new(
                    items.map(|item| Self::Typed(item.to_owned())),
                ))
            }
            Self::Written(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self::Typed(text) = &self else {
            return self.deserialize_any(visitor);
        };
        match serde_json::from_str::<BTreeMap<String, toml::Value>>(text) {
            Ok(table) => visitor.visit_map(MapDeserializer::new(
                table
                    .into_iter()
                    .map(|(key, value)| (key, Self::Written(value))),
            )),
            Err(_) => Err(ReadError::Message(
                "not a table: write JSON, as in `{\"tenant\": \"acme\"}`".to_owned(),
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
            Self::Typed(text) | Self::Written(toml::Value::String(text)) => {
                visitor.visit_enum(text.into_deserializer())
            }
            Self::Written(_) => Err(ReadError::Kind(
                "another kind of value stands where text in quotes belongs".to_owned(),
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
        i8 i16 i32 i64 i128 u8 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct struct
        identifier ignored_any
    }
}

impl IntoDeserializer<'_, ReadError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
