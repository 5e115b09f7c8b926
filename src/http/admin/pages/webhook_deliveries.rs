//! The events for an endpoint of webhooks: how the page shows them, sending them again, and sending a test.

use actix_web::web::Path;

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::webhook::{EventType, WebhookState};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::admin::{paths, webhook_paths};
use crate::services::webhooks::deliveries;
use crate::services::webhooks::endpoints::{self, Endpoint};
use crate::store::webhook_deliveries::WebhookDeliveryRow;

/// An event for an endpoint in the viewer's language.
pub(crate) struct DeliveryView {
    /// The number, as the command line knows it.
    pub id: i64,
    /// The name of the type.
    pub kind: String,
    /// What has happened.
    pub text: String,
    /// The account, such as `user:7`; empty for none.
    pub account: String,
    /// The page of the account.
    pub account_url: String,
    /// The kind of the badge, and the state.
    pub badge: &'static str,
    pub state: String,
    pub attempts: i64,
    pub at: Timestamp,
    /// When the next attempt is due, if it is waiting.
    pub next: Option<Timestamp>,
    /// Why the last attempt failed; empty for none.
    pub reason: String,
}

impl DeliveryView {
    pub(crate) fn new(l: &Layout, row: &WebhookDeliveryRow) -> Self {
        let is_waiting = row.state == WebhookState::Waiting;
        let kind = EventType::from_word(&row.event_type);
        let account = row.account.as_deref().unwrap_or_default();
        let page = principal(account).map(|principal| paths::person(principal).to_string());
        Self {
            id: row.id,
            text: kind.map_or_else(String::new, |kind| l.word("webhook_event", kind)),
            kind: row.event_type.clone(),
            account: account.to_owned(),
            account_url: page.unwrap_or_default(),
            badge: match row.state {
                WebhookState::Waiting => "info",
                WebhookState::Delivered => "ok",
                WebhookState::Dead => "danger",
            },
            state: l.word("webhook_state", row.state),
            attempts: row.attempts,
            at: row.created_at,
            next: is_waiting.then_some(row.due_at),
            reason: row.reason.clone().unwrap_or_default(),
        }
    }

    /// Whether it can be sent again: it is not waiting.
    pub(crate) fn has_ended(&self) -> bool {
        self.next.is_none()
    }
}

/// The account of a text such as `user:7`.
fn principal(text: &str) -> Option<Principal> {
    let (word, digits) = text.split_once(':')?;
    let user_seq = UserSeq::from_digits(digits)?;
    Some(Principal::new(UserType::from_word(word)?, user_seq))
}

/// The endpoint that a path names.
pub(super) async fn find(panel: &Panel, number: &str) -> Result<Endpoint, AdminError> {
    let number = UserSeq::from_digits(number).ok_or(AdminError::NotFound)?;
    Ok(endpoints::find(&panel.services().store, number).await?)
}

/// `POST /admin/webhooks/{number}/test`. **Permissions**: administrators. 303, 404.
pub(crate) async fn test(form: Form<PanelAdmin>, number: Path<String>) -> PageResult {
    let panel = &form.panel;
    let number = find(panel, &number).await?.number;
    deliveries::send_test(panel.services(), &panel.actor(), number).await?;
    panel.redirect_ok(
        &webhook_paths::webhook(number),
        panel.t("webhooks.test_sent"),
    )
}

/// `POST /admin/webhooks/{number}/resend`: one event (`delivery`). **Permissions**: administrators. 303, 404.
pub(crate) async fn resend(form: Form<PanelAdmin>, number: Path<String>) -> PageResult {
    let panel = &form.panel;
    let number = find(panel, &number).await?.number;
    let id = UserSeq::from_digits(form.text("delivery")).ok_or(AdminError::NotFound)?;
    deliveries::resend(panel.services(), &panel.actor(), number, id.get()).await?;
    panel.redirect_ok(&webhook_paths::webhook(number), panel.t("webhooks.resent"))
}

/// `POST /admin/webhooks/{number}/resend-dead`: all dead letters. **Permissions**: administrators. 303, 404.
pub(crate) async fn resend_dead(form: Form<PanelAdmin>, number: Path<String>) -> PageResult {
    let panel = &form.panel;
    let number = find(panel, &number).await?.number;
    let count = deliveries::resend_dead(panel.services(), &panel.actor(), number).await?;
    let text = panel
        .layout("webhooks")
        .tr_count("webhooks.resent_all", count);
    panel.redirect_ok(&webhook_paths::webhook(number), text)
}
