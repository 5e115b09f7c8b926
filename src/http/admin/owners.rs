//! Whose token it is, as the lists of tokens show it; and what their filters have in common.

use super::{layout::Layout, lists::ListQuery};
use crate::{domain::principal::UserType, services::tokens::Owner};

/// An account beside one of its tokens.
pub(super) struct OwnerView {
    /// Its page; none where the account is gone.
    pub href: Option<String>,
    /// Its first letters.
    pub initials: String,
    /// What it is called.
    pub title: String,
    /// What it logs in by, and which population it belongs to.
    pub sub: String,
}

impl OwnerView {
    /// An account in the viewer's words.
    pub(super) fn new(l: &Layout, owner: &Owner) -> Self {
        let principal = owner.principal;
        let population = l.t(&format!("user_type.{}", principal.user_type));
        let Some(login) = &owner.login else {
            return Self {
                href: None,
                initials: "–".into(),
                title: l.t("tokens.deleted_account"),
                sub: format!("{population} · {principal}"),
            };
        };
        let title = if owner.name.is_empty() {
            login
        } else {
            &owner.name
        };
        let folder = match principal.user_type {
            UserType::User => "users",
            UserType::Client => "clients",
        };
        Self {
            href: Some(format!("/admin/{folder}/{}", principal.user_seq)),
            initials: initials(title),
            title: title.clone(),
            sub: format!("{login} · {population}"),
        }
    }
}

/// The first letters of a name.
pub(super) fn initials(name: &str) -> String {
    let words = name.split_whitespace().take(2);
    let letters = words.filter_map(|word| word.chars().next());
    letters.flat_map(char::to_uppercase).collect()
}

/// An id as it is shown where there is little room.
pub(super) fn short_id(id: &str) -> String {
    match (id.get(..8), id.get(id.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) if id.len() > 16 => format!("{head}…{tail}"),
        _ => id.to_owned(),
    }
}

/// A filter that is set, and the list without it.
pub(super) struct Chip {
    pub label: String,
    pub value: String,
    pub url: String,
}

/// Gathers the filters that are set.
pub(super) struct Chips<'a> {
    l: &'a Layout,
    query: &'a ListQuery,
    set: Vec<Chip>,
}

impl<'a> Chips<'a> {
    pub(super) fn new(l: &'a Layout, query: &'a ListQuery) -> Self {
        Self {
            l,
            query,
            set: Vec::new(),
        }
    }

    /// Adds a filter by its parameter, if it has a value.
    pub(super) fn add(mut self, parameter: &str, label: &str, value: Option<String>) -> Self {
        self.set.extend(value.map(|value| Chip {
            label: self.l.t(label),
            value,
            url: self.query.url_without(parameter),
        }));
        self
    }

    /// Adds a day as it stands in the address.
    pub(super) fn add_day(self, parameter: &str, label: &str, is_read: bool) -> Self {
        let value = is_read.then(|| self.query.value(parameter).to_owned());
        self.add(parameter, label, value)
    }

    pub(super) fn done(self) -> Vec<Chip> {
        self.set
    }
}

/// What could not be read of a list's filters, a sentence each.
pub(super) fn problems(l: &Layout, query: &ListQuery, fields: &[(&str, &str)]) -> Vec<String> {
    let problems = query.problems(l.spoken);
    let sentences = fields.iter().flat_map(|(parameter, label)| {
        let label = l.t(label);
        let sentences = problems.of(parameter).iter();
        sentences.map(move |sentence| format!("{label}: {sentence}"))
    });
    sentences.collect()
}
