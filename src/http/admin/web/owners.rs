//! The owner of a token for display.

use crate::http::admin::paths;
use crate::http::admin::web::layout::Layout;
use crate::services::tokens::owner::Owner;

/// An account beside one of its tokens.
pub(crate) struct OwnerView {
    /// The account's page; none for a deleted account.
    pub href: Option<String>,
    /// The initials of its name.
    pub initials: String,
    /// Its name, or its login name.
    pub title: String,
    /// Its login name and population.
    pub sub: String,
}

impl OwnerView {
    pub(crate) fn new(l: &Layout, owner: &Owner) -> Self {
        let principal = owner.principal;
        let population = l.word("user_type", principal.user_type);
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
        Self {
            href: Some(paths::person(principal).to_string()),
            initials: initials(title),
            title: title.clone(),
            sub: format!("{login} · {population}"),
        }
    }
}

/// The initials of a name.
pub(crate) fn initials(name: &str) -> String {
    let words = name.split_whitespace().take(2);
    let letters = words.filter_map(|word| word.chars().next());
    letters.flat_map(char::to_uppercase).collect()
}

/// The parts of a name or an e-mail address between which a line may break: after `@`, `.`, `-` and `_`.
pub(crate) fn breakable(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['@', '.', '-', '_'])
}

/// A shortened id for tables.
pub(crate) fn short_id(id: &str) -> String {
    match (id.get(..8), id.get(id.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) if id.len() > 16 => format!("{head}…{tail}"),
        _ => id.to_owned(),
    }
}
