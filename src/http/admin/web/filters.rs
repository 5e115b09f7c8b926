//! Filters of lists: the options of a select, the active filters, and invalid values. A list declares its filters once.

use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;

/// The filters of a list: query parameter and key of the label.
pub(crate) type Filters = [(&'static str, &'static str)];

/// An option of a select: value, text, and whether it is selected.
pub(crate) type Choice = (&'static str, String, bool);

/// The options of words that are translated as `<family>.<word>`.
pub(crate) fn choices(
    l: &Layout,
    family: &str,
    words: &[&'static str],
    chosen: &str,
) -> Vec<Choice> {
    let choice = |word: &&'static str| (*word, l.word(family, word), *word == chosen);
    words.iter().map(choice).collect()
}

/// An active filter, and the address of the list without it.
pub(crate) struct Chip {
    pub label: String,
    pub value: String,
    pub url: String,
}

/// Builds the active filters.
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

    /// Adds a filter if it has a value.
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

    /// Adds a date as it is in the query.
    pub(crate) fn add_day(self, parameter: &str, is_set: bool) -> Self {
        let value = is_set.then(|| self.query.value(parameter).to_owned());
        self.add(parameter, value)
    }

    pub(crate) fn done(self) -> Vec<Chip> {
        self.set
    }
}

/// The invalid values of a list's filters, a sentence each.
pub(crate) fn problems(l: &Layout, query: &ListQuery, filters: &Filters) -> Vec<String> {
    let problems = query.problems(l.locale);
    let sentences = filters.iter().flat_map(|(parameter, label)| {
        let label = l.t(label);
        let sentences = problems.of(parameter).iter();
        sentences.map(move |sentence| format!("{label}: {sentence}"))
    });
    sentences.collect()
}
