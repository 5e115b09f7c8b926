//! What the filters of all lists have in common: the choices of a select, which filters are set, and what could not be read.
//! A list names its filters once, each with its label.

use crate::http::admin::web::{layout::Layout, lists::ListQuery};

/// The filters of a list: parameter, and the key of its label.
pub(crate) type Filters = [(&'static str, &'static str)];

/// A choice of a select: word, text, and whether it is chosen.
pub(crate) type Choice = (&'static str, String, bool);

/// The choices of a filter by a word, from the texts of the words' family.
pub(crate) fn choices(
    l: &Layout,
    family: &str,
    words: &[&'static str],
    chosen: &str,
) -> Vec<Choice> {
    let choice = |word: &&'static str| (*word, l.word(family, word), *word == chosen);
    words.iter().map(choice).collect()
}

/// A filter that is set, and the list without it.
pub(crate) struct Chip {
    pub label: String,
    pub value: String,
    pub url: String,
}

/// Gathers the filters that are set.
pub(crate) struct Chips<'a> {
    l: &'a Layout,
    query: &'a ListQuery,
    filters: &'a Filters,
    set: Vec<Chip>,
}

impl<'a> Chips<'a> {
    pub(crate) fn new(l: &'a Layout, query: &'a ListQuery, filters: &'a Filters) -> Self {
        Self {
            l,
            query,
            filters,
            set: Vec::new(),
        }
    }

    /// Adds a filter by its parameter, if it has a value.
    pub(crate) fn add(mut self, parameter: &str, value: Option<String>) -> Self {
        let mut filters = self.filters.iter();
        let label = filters.find(|(other, _)| *other == parameter);
        debug_assert!(label.is_some(), "{parameter} has no label");
        self.set.extend(value.map(|value| Chip {
            label: label.map_or_else(String::new, |(_, label)| self.l.t(label)),
            value,
            url: self.query.url_without(parameter),
        }));
        self
    }

    /// Adds a day as it stands in the address.
    pub(crate) fn add_day(self, parameter: &str, is_read: bool) -> Self {
        let value = is_read.then(|| self.query.value(parameter).to_owned());
        self.add(parameter, value)
    }

    pub(crate) fn done(self) -> Vec<Chip> {
        self.set
    }
}

/// What could not be read of a list's filters, a sentence each.
pub(crate) fn problems(l: &Layout, query: &ListQuery, filters: &Filters) -> Vec<String> {
    let problems = query.problems(l.spoken);
    let sentences = filters.iter().flat_map(|(parameter, label)| {
        let label = l.t(label);
        let sentences = problems.of(parameter).iter();
        sentences.map(move |sentence| format!("{label}: {sentence}"))
    });
    sentences.collect()
}
