//! Reading a query string. Unknown parameters are ignored; a wrong value is refused by the name of its parameter.

use std::{collections::HashMap, future::Ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::domain::paging::Page;
use crate::domain::problem::{Problem, Problems};
use crate::http::api::endpoint::Endpoint;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Declared, Field, Input, Presence};
use crate::http::api::inputs::{PAGE, PAGE_SIZE};
use crate::services::Error;

/// The parameters of a query string, and the problems found so far.
pub(super) struct Query {
    declared: Declared,
    values: HashMap<String, String>,
    problems: Problems,
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let declared = Endpoint::of(request).map_or(&[][..], |endpoint| endpoint.query);
        std::future::ready(Ok(Self::read(request.query_string(), declared)))
    }
}

impl Query {
    /// Reads the query string of an endpoint with these parameters. The last value of a parameter counts; an empty one is the
    /// same as none.
    pub(super) fn read(text: &str, declared: &'static [Field]) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        let values = pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Self {
            declared: Declared::new(declared),
            values,
            problems: Problems::default(),
        }
    }

    /// A parameter; `None` if it is missing, empty or wrong.
    pub(super) fn get<T>(&mut self, input: &Input<T>) -> Option<T> {
        self.declared.note(input.name, &[Presence::Optional]);
        let value = self.values.get(input.name)?;
        (input.parse)(value)
            .map_err(|problem| self.problems.add(input.name, problem))
            .ok()
    }

    /// `page` and `page_size`.
    pub(super) fn page(&mut self) -> Page {
        let number = self.get(&PAGE);
        let size = self.get(&PAGE_SIZE);
        Page::new(number.unwrap_or(1), size.unwrap_or(Page::DEFAULT_SIZE))
    }

    /// Adds a problem of a parameter.
    pub(super) fn problem<T>(&mut self, input: &Input<T>, problem: Problem) {
        self.problems.add(input.name, problem);
    }

    /// Reads a parameter by its declaration, for its problem alone.
    #[cfg(any(test, fuzzing))]
    pub(super) fn check(&mut self, field: &Field) {
        self.declared.note(field.name, &[field.presence]);
        if let Some(problem) = self
            .values
            .get(field.name)
            .and_then(|text| field.problem(text))
        {
            self.problems.add(field.name, problem);
        }
    }

    /// Ends the reading; an error if any parameter is wrong.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        self.declared.assert_complete();
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.problems).into())
        }
    }
}
