//! A confirmation that asks for the administrator's own password before a change of an account.

use askama::Template;

use crate::http::admin::pages::people::account::{Person, section};
use crate::http::admin::paths;
use crate::http::admin::person_paths::PersonPath;
use crate::http::admin::web::form::FieldErrors;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;

#[derive(Template)]
#[template(path = "admin/people/confirm.html")]
pub(crate) struct ConfirmPage {
    l: Layout,
    errors: FieldErrors,
    name: String,
    login: String,
    back: PersonPath,
    /// The path that the form is sent to.
    action: String,
    /// The heading, which is also the text of the button.
    title: String,
    text: String,
}

impl ConfirmPage {
    /// The page of a change that `action` makes, with the keys of its texts.
    pub(crate) fn new(
        panel: &Panel,
        person: Person,
        action: String,
        (title, text): (&str, &str),
        errors: FieldErrors,
    ) -> Self {
        let l = panel.layout(section(person.principal.user_type));
        Self {
            title: l.t(title),
            text: l.t(text),
            l,
            errors,
            back: person.path(),
            action,
            name: person.name,
            login: person.login,
        }
    }
}
