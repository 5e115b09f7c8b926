//! Reading a query string. Unknown parameters are ignored; a wrong value is refused by the name of its parameter.

use std::{collections::BTreeSet, future::Ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::config::RolesConfig;
use crate::domain::account::Role;
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
    /// In the order of the query.
    values: Vec<(String, String)>,
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
        let value = self.last(input.name)?;
        (input.parse)(value)
            .map_err(|problem| self.problems.add(input.name, problem))
            .ok()
    }

    /// The last value of a parameter that is not empty.
    fn last(&self, name: &str) -> Option<&str> {
        let mut values = self.values.iter().rev();
        let found = values.find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter, where an empty one counts, too; none if one is wrong.
    pub(super) fn all<T>(&mut self, input: &Input<T>) -> Vec<T> {
        self.declared.note(input.name, &[Presence::Optional]);
        let values = self.values.iter().filter(|(name, _)| name == input.name);
        let parsed: Result<Vec<T>, Problem> =
            values.map(|(_, value)| (input.parse)(value)).collect();
        parsed.unwrap_or_else(|problem| {
            self.problems.add(input.name, problem);
            Vec::new()
        })
    }

    /// Refuses parameters that the endpoint does not declare.
    pub(super) fn refuse_unknown(&mut self) {
        let names = self.values.iter().map(|(name, _)| name);
        let unknown: BTreeSet<String> = names
            .filter(|name| !self.declared.contains(name))
            // A name can be as long as the query; the answer contains the beginning.
            .map(|name| name.chars().take(64).collect())
            .collect();
        for name in unknown {
            self.problems.add(name, Problem::UnknownField);
        }
    }

    /// `page` and `page_size`.
    pub(super) fn page(&mut self) -> Page {
        let number = self.get(&PAGE);
        let size = self.get(&PAGE_SIZE);
        Page::new(number.unwrap_or(1), size.unwrap_or(Page::DEFAULT_SIZE))
    }

    /// Refuses roles that are not configured.
    pub(super) fn check_roles<'a, T>(
        &mut self,
        input: &Input<T>,
        roles: &RolesConfig,
        named: impl IntoIterator<Item = &'a Role>,
    ) {
        let checked = named
            .into_iter()
            .try_for_each(|role| roles.check_role(role));
        if let Err(problem) = checked {
            self.problem(input, problem);
        }
    }

    /// Adds a problem of a parameter.
    pub(super) fn problem<T>(&mut self, input: &Input<T>, problem: Problem) {
        self.problems.add(input.name, problem);
    }

    /// Reads a parameter by its declaration, for its problem alone.
    #[cfg(any(test, fuzzing))]
    pub(super) fn check(&mut self, field: &Field) {
        self.declared.note(field.name, &[field.presence]);
        if let Some(problem) = self.last(field.name).and_then(|text| field.problem(text)) {
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
