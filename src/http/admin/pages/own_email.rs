//! The change of the viewer's e-mail address: a link is mailed to the new one. Open to administrators and auditors.

use askama::Template;

use crate::domain::account::Email;
use crate::http::admin::pages::second_factor::confirmed;
use crate::http::admin::paths;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::http::device_token::PresentedDevice;
use crate::http::self_service;
use crate::services::accounts::email_change::{self, EmailRequest};

#[derive(Template)]
#[template(path = "admin/account/email.html")]
struct EmailPage {
    l: Layout,
    errors: FieldErrors,
    /// The present address; none without one.
    email: Option<String>,
    /// The new one, as typed.
    new: String,
}

impl EmailPage {
    fn new(panel: &Panel, errors: FieldErrors, new: String) -> Self {
        Self {
            l: panel.layout("account"),
            errors,
            email: panel.viewer().account.email.clone(),
            new,
        }
    }
}

/// `GET /admin/account/email`. **Permissions**: administrators and auditors. 200, 404 (links cannot be mailed).
pub(crate) async fn edit_form(panel: Panel) -> PageResult {
    let _link = self_service::confirmation_link(panel.services())?;
    panel.page(&EmailPage::new(
        &panel,
        FieldErrors::default(),
        String::new(),
    ))
}

/// `POST /admin/account/email`. **Permissions**: administrators and auditors. 303, 404 (links cannot be mailed), 422 (the address,
/// or the viewer's proof, is missing or wrong), 429 (also after too many requests).
pub(in crate::http) async fn update(mut form: Form<Panel>, device: PresentedDevice) -> PageResult {
    let url_of = self_service::confirmation_link(form.panel.services())?;
    let new = form.required("email", Email::parse);
    let is_proved = new.is_some() && confirmed(&mut form, device.clone()).await?;
    let Some(new) = new.filter(|_| is_proved) else {
        let new = form.text("email").chars().take(Email::MAX).collect();
        let page = EmailPage::new(&form.panel, form.errors(), new);
        return form.panel.invalid(&page);
    };
    let panel = &form.panel;
    let text = panel.tr_with("account.email_sent", new.as_typed());
    let login_context = device.login_context(panel.actor());
    let wanted = EmailRequest {
        new,
        current: None,
        language: panel.language(),
    };
    let account = &panel.viewer().account;
    let sent = email_change::request(panel.services(), &login_context, account, wanted, url_of);
    Box::pin(sent).await?;
    panel.redirect_ok(paths::ACCOUNT, text)
}
