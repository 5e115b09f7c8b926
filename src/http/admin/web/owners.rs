//! The owner of a token or session for display, and lists that can be filtered by account.

use crate::http::admin::paths;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::pager::Pager;
use crate::services::tokens::owner::{ByOwner, Owner};

/// A page of a list that can be filtered by account.
pub(crate) struct Listed<V> {
    pub rows: Vec<V>,
    /// Why there are none.
    pub empty: Option<Empty>,
    /// None where the filter names no account, or too many.
    pub pager: Option<Pager>,
}

/// An empty list: the symbol, and the keys of the texts.
#[derive(Clone, Copy)]
pub(crate) struct Empty {
    pub icon: &'static str,
    pub title: &'static str,
    pub text: &'static str,
}

const NO_ACCOUNT: Empty = Empty {
    icon: "search",
    title: "tokens.unknown_person",
    text: "tokens.unknown_person_text",
};
const TOO_MANY_ACCOUNTS: Empty = Empty {
    icon: "search",
    title: "tokens.too_many",
    text: "tokens.too_many_text",
};

impl<V> Listed<V> {
    /// `empty` is for a list without rows.
    pub(crate) fn new(found: ByOwner<(Vec<V>, Pager)>, empty: Empty) -> Self {
        let without_rows = |empty| Self {
            rows: Vec::new(),
            empty: Some(empty),
            pager: None,
        };
        match found {
            ByOwner::NoAccount => without_rows(NO_ACCOUNT),
            ByOwner::TooManyAccounts => without_rows(TOO_MANY_ACCOUNTS),
            ByOwner::Found((rows, pager)) => Self {
                // A search that can be continued says so instead.
                empty: (rows.is_empty() && pager.further.is_none()).then_some(empty),
                rows,
                pager: Some(pager),
            },
        }
    }
}

/// An account beside one of its tokens.
pub(crate) struct OwnerView {
    /// The account's page; none for a deleted account.
    pub href: Option<String>,
    /// The initials of its name.
    pub initials: String,
    /// Its name, or its login name.
    pub title: String,
    /// Its population and login name.
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
            sub: format!("{population} · {login}"),
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
