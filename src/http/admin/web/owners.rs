//! Whose token it is, as the pages about tokens show it.

use crate::{
    domain::principal::{Principal, UserType},
    http::admin::web::layout::Layout,
    services::tokens::owner::Owner,
};

/// An account beside one of its tokens.
pub(crate) struct OwnerView {
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
    pub(crate) fn new(l: &Layout, owner: &Owner) -> Self {
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
        Self {
            href: Some(page_of(principal)),
            initials: initials(title),
            title: title.clone(),
            sub: format!("{login} · {population}"),
        }
    }
}

/// The page of an account.
pub(crate) fn page_of(principal: Principal) -> String {
    let folder = match principal.user_type {
        UserType::User => "users",
        UserType::Client => "clients",
    };
    format!("/admin/{folder}/{}", principal.user_seq)
}

/// The first letters of a name.
pub(crate) fn initials(name: &str) -> String {
    let words = name.split_whitespace().take(2);
    let letters = words.filter_map(|word| word.chars().next());
    letters.flat_map(char::to_uppercase).collect()
}

/// An id as it is shown where there is little room.
pub(crate) fn short_id(id: &str) -> String {
    match (id.get(..8), id.get(id.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) if id.len() > 16 => format!("{head}…{tail}"),
        _ => id.to_owned(),
    }
}
