//! Forms that are out of date. A form carries the `updated_at` of its account; when the account has another one by the time
//! the form is sent, it was changed in between, and nothing is saved.

use rust_i18n::t;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::principal::Principal;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::events::actor_text;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::audit::events;
use crate::store::audit_history::Newest;

/// The hidden field.
const FIELD: &str = "updated_at";
/// How many audit events are searched for the change.
const MAX_EVENTS: i64 = 10;

/// The value of the hidden field: microseconds, because two changes can fall into one second.
pub(crate) fn stamp(updated_at: Timestamp) -> String {
    updated_at.unix_micros().to_string()
}

/// The stamp that was sent; empty where the form had none.
pub(crate) fn sent_stamp(form: &Form<PanelAdmin>) -> &str {
    form.text(FIELD)
}

/// Whether the account was changed after the form was opened. A form without a stamp is never out of date.
pub(crate) fn is_outdated(form: &Form<PanelAdmin>, updated_at: Timestamp) -> bool {
    let sent = sent_stamp(form);
    !sent.is_empty() && sent != stamp(updated_at)
}

/// What to show for an outdated form: by whom and when the account was changed, as far as the audit log has it.
pub(crate) async fn message(
    panel: &Panel,
    l: &Layout,
    account: Principal,
    updated_at: Timestamp,
) -> Result<String, AdminError> {
    let wanted = Newest {
        subject: Some(account),
        actions: Action::of_changes(),
        ..Newest::default()
    };
    let history = events::newest(panel.services(), wanted, MAX_EVENTS).await?;
    // A change and its event are one transaction with one time.
    let change = history.iter().find(|event| event.happened_at == updated_at);
    Ok(match change {
        Some(event) => t!(
            "admin.person.conflict_by",
            locale = l.language,
            by = actor_text(l, event),
            at = l.time(&updated_at).exact
        )
        .into_owned(),
        None => l.t("person.conflict"),
    })
}
