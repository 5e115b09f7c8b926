//! Filters of lists: the options of a select, the active filters, and invalid values. A list declares its filters once.

use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;

/// The presets of periods.
pub(crate) const PRESETS: &[&str] = &["today", "yesterday", "last_7_days", "last_month"];

/// Whether the preset of a period overrules its days.
pub(crate) fn overrules(preset: &str) -> bool {
    preset == "never" || PRESETS.contains(&preset)
}

/// A filter of a list.
pub(crate) struct Filter {
    /// The query parameter.
    pub(crate) parameter: &'static str,
    /// The key of the label.
    label: &'static str,
    /// A value in the viewer's language.
    text: fn(&Layout, &str) -> String,
    /// The parameter of the preset that overrules this day; empty for other filters.
    preset: &'static str,
    /// Whether it is in the folded part of the form.
    is_folded: bool,
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
        preset: "",
        is_folded: false,
    }
}

/// The preset of a period.
pub(crate) const fn preset(parameter: &'static str, label: &'static str) -> Filter {
    words(parameter, label, |l, word| l.word("period", word)).folded()
}

/// The first or the last day of a period with this preset.
pub(crate) const fn day(
    parameter: &'static str,
    label: &'static str,
    preset: &'static str,
) -> Filter {
    Filter {
        preset,
        ..typed(parameter, label).folded()
    }
}

impl Filter {
    /// The same filter in the folded part of the form.
    pub(crate) const fn folded(self) -> Self {
        Self {
            is_folded: true,
            ..self
        }
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
    /// The query parameter.
    pub parameter: &'static str,
    pub label: String,
    pub value: String,
    pub url: String,
    /// Whether it is in the folded part of the form.
    pub is_folded: bool,
}

/// The number of active filters in the folded part of the form.
pub(crate) fn folded(chips: &[Chip]) -> usize {
    chips.iter().filter(|chip| chip.is_folded).count()
}

/// The active filters: those with a valid value. Each of them must have been read from the query before.
pub(crate) fn chips<'a>(
    l: &Layout,
    query: &ListQuery,
    filters: impl IntoIterator<Item = &'a Filter>,
) -> Vec<Chip> {
    let problems = query.problems(l.locale);
    let mut chips = Vec::new();
    for filter in filters {
        let name = filter.parameter;
        let is_valid = problems.of(name).is_empty();
        let is_overruled = overrules(query.value(filter.preset));
        for value in query.values(name) {
            if is_valid && !is_overruled && !value.trim().is_empty() {
                chips.push(Chip {
                    parameter: name,
                    label: l.t(filter.label),
                    value: (filter.text)(l, value),
                    url: query.url_without(name, value),
                    is_folded: filter.is_folded,
                });
            }
        }
    }
    chips
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
