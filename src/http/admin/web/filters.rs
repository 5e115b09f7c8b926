//! Filters of lists: the options of a select, the active filters, and invalid values. A list declares its filters once.

use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;

/// A filter of a list.
pub(crate) struct Filter {
    /// The query parameter.
    pub(crate) parameter: &'static str,
    /// The key of the label.
    label: &'static str,
    /// A value in the viewer's language.
    text: fn(&Layout, &str) -> String,
}

/// A filter whose values are shown as typed.
pub(crate) const fn typed(parameter: &'static str, label: &'static str) -> Filter {
    words(parameter, label, |_, value| value.trim().to_owned())
}

/// A filter whose values are words with a text for each.
pub(crate) const fn words(
    parameter: &'static str,
    label: &'static str,
    text: fn(&Layout, &str) -> String,
) -> Filter {
    Filter {
        parameter,
        label,
        text,
    }
}

/// An option of a select: value, text, and whether it is selected.
pub(crate) type Choice = (String, String, bool);

/// The options of words that are translated as `<family>.<word>`.
pub(crate) fn choices(
    l: &Layout,
    family: &str,
    words: &[&'static str],
    chosen: &str,
) -> Vec<Choice> {
    let choice = |word: &&'static str| ((*word).to_owned(), l.word(family, word), *word == chosen);
    words.iter().map(choice).collect()
}

/// An active filter, and the address of the list without it.
pub(crate) struct Chip {
    pub label: String,
    pub value: String,
    pub url: String,
}

/// The active filters: those with a valid value. Each of them must have been read from the query before.
pub(crate) fn chips<'a>(
    l: &Layout,
    query: &ListQuery,
    filters: impl IntoIterator<Item = &'a Filter>,
) -> Vec<Chip> {
    let problems = query.problems(l.locale);
    let chip = |filter: &Filter| {
        let value = query.value(filter.parameter);
        let is_valid = problems.of(filter.parameter).is_empty();
        (is_valid && !value.trim().is_empty()).then(|| Chip {
            label: l.t(filter.label),
            value: (filter.text)(l, value),
            url: query.url(&[filter.parameter], &[]),
        })
    };
    filters.into_iter().filter_map(chip).collect()
}

/// The invalid values of a list's filters, a sentence each.
pub(crate) fn problems(l: &Layout, query: &ListQuery, filters: &[Filter]) -> Vec<String> {
    let problems = query.problems(l.locale);
    let sentences = filters.iter().flat_map(|filter| {
        let label = l.t(filter.label);
        let sentences = problems.of(filter.parameter).iter();
        sentences.map(move |sentence| format!("{label}: {sentence}"))
    });
    sentences.collect()
}
