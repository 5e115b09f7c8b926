//! The question before the viewer ends sessions of the own account, or removes something that it logs in with.

use askama::Template;

use crate::http::admin::paths;
use crate::http::admin::web::form::FieldErrors;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;

/// The page.
#[derive(Template)]
#[template(path = "admin/account/confirm.html")]
pub(super) struct OwnConfirmPage {
    pub(super) l: Layout,
    pub(super) errors: FieldErrors,
    /// The page before, and its name.
    pub(super) back: (String, String),
    /// What the question is about.
    pub(super) subject: String,
    /// The path that the form is sent to.
    pub(super) action: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) button: String,
    /// What ends; empty for nothing that can be counted.
    pub(super) ends: String,
    /// The devices of the sessions that end.
    pub(super) devices: Vec<String>,
    /// Whether a recent proof is needed.
    pub(super) asks: bool,
}

impl OwnConfirmPage {
    /// The page with the keys of its title, text and button.
    pub(super) fn new(
        panel: &Panel,
        back: (String, String),
        subject: String,
        action: String,
        [title, text, button]: [&str; 3],
    ) -> Self {
        let l = panel.layout("account");
        Self {
            errors: FieldErrors::default(),
            back,
            subject,
            action,
            title: l.t(title),
            text: l.t(text),
            button: l.t(button),
            ends: String::new(),
            devices: Vec::new(),
            asks: false,
            l,
        }
    }
}
