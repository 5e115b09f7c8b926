//! Reading a query string: the parameters of lists. Unknown parameters are passed over; a wrong value is told by name.

use std::{collections::HashMap, future::Ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{
    domain::{
        paging::Page,
        problem::{Problem, Problems},
    },
    http::api::errors::ApiError,
    services::Error,
};

/// The most characters that are searched for.
const MAX_SEARCH: usize = 200;

/// The parameters of a query string, and what was found wrong with them so far.
pub(super) struct Query {
    values: HashMap<String, String>,
    problems: Problems,
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::read(request.query_string())))
    }
}

impl Query {
    /// Reads a query string; of a parameter that comes twice the last value counts.
    pub(super) fn read(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        let values = pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Self {
            values,
            problems: Problems::default(),
        }
    }

    /// A parameter read by `parse`; none when it is missing, empty or wrong.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.values.get(name)?;
        parse(value)
            .map_err(|problem| self.problems.add(name, problem))
            .ok()
    }

    /// `search`: a part of what is looked for.
    pub(super) fn search(&mut self) -> Option<String> {
        self.optional("search", |text| {
            if text.chars().count() > MAX_SEARCH {
                Err(Problem::TooLong { max: MAX_SEARCH })
            } else if text.contains(char::is_control) {
                Err(Problem::ControlCharacter)
            } else {
                Ok(text.to_owned())
            }
        })
        .filter(|text| !text.trim().is_empty())
    }

    /// A truth: `true` or `false`, `1` or `0`.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.optional(name, |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(Problem::NotBoolean),
        })
    }

    /// `page` and `page_size`.
    pub(super) fn page(&mut self) -> Page {
        let number = self.optional("page", |text| whole_number(text, 1, Page::MAX_NUMBER));
        let size = self.optional("page_size", |text| whole_number(text, 1, Page::MAX_SIZE));
        Page::new(number.unwrap_or(1), size.unwrap_or(Page::DEFAULT_SIZE))
    }

    /// An error when any parameter was wrong.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.problems).into())
        }
    }
}

fn whole_number(text: &str, min: i64, max: i64) -> Result<i64, Problem> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (min..=max).contains(number));
    number.ok_or(Problem::NotNumber { min, max })
}
