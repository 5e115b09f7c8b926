//! Audit events as the audit log, the dashboard and the history of an account show them.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Change, Outcome};
use crate::domain::delivery::DeliveryKind;
use crate::domain::limits::LimitKind;
use crate::domain::preferences::Theme;
use crate::domain::principal::Principal;
use crate::domain::second_factor::SecondFactorMethod;
use crate::domain::session::{LoginMethod, RevocationReason};
use crate::http::admin::paths;
use crate::http::admin::web::layout::Layout;
use crate::services::audit::events::AuditEvent;

/// An event in the viewer's language. Texts are empty where a value is unknown.
pub(crate) struct EventView {
    /// The event's page.
    pub url: String,
    pub at: Timestamp,
    pub action: String,
    pub is_refused: bool,
    /// The actor's login name; the source where the actor is unknown.
    pub actor: String,
    /// The page of the actor.
    pub actor_url: String,
    /// The account or thing that the action was applied to; empty for the actor's own account.
    pub subject: String,
    /// The page of the subject.
    pub subject_url: String,
    /// The interface that was used.
    pub source: String,
    pub ip_address: String,
    pub changes: Vec<ChangeView>,
}

/// The change of a field in the viewer's language.
pub(crate) struct ChangeView {
    /// The field's label.
    pub field: String,
    /// The old value; empty for none.
    pub old: String,
    /// The new value; empty for none.
    pub new: String,
    /// The whole new value, where `new` is a short name of it; otherwise empty.
    pub full: String,
}

impl EventView {
    pub(crate) fn new(l: &Layout, event: &AuditEvent) -> Self {
        let is_own = event.subject.is_some() && event.subject == event.actor;
        let subject = event.subject_name.clone().filter(|_| !is_own);
        let is_deletion = event.action == Action::AccountDeleted;
        let changes = event.changes.iter();
        Self {
            url: paths::audit_event(event.id),
            at: event.happened_at,
            action: l.word("action", event.action),
            is_refused: event.outcome == Outcome::Refused,
            actor: actor_text(l, event),
            actor_url: event.actor.map_or_else(String::new, page_of),
            subject_url: match event.subject {
                Some(principal) if subject.is_some() && !is_deletion => page_of(principal),
                _ => String::new(),
            },
            subject: subject.unwrap_or_default(),
            source: l.word("source", event.source),
            ip_address: event.ip_address.clone().unwrap_or_default(),
            changes: changes.map(|change| ChangeView::new(l, change)).collect(),
        }
    }

    /// Whether no change has an old value, as at creation.
    pub(crate) fn is_new(&self) -> bool {
        self.changes.iter().all(|change| change.old.is_empty())
    }

    /// Many events.
    pub(crate) fn all(l: &Layout, events: &[AuditEvent]) -> Vec<Self> {
        events.iter().map(|event| Self::new(l, event)).collect()
    }
}

impl ChangeView {
    fn new(l: &Layout, change: &Change) -> Self {
        let text = |value: &Option<String>| {
            let value = value.as_deref();
            value.map_or_else(String::new, |value| value_text(l, &change.field, value))
        };
        Self {
            field: field_text(l, &change.field),
            old: text(&change.old),
            new: text(&change.new),
            full: match (is_program(&change.field), &change.new) {
                (true, Some(program)) => program.clone(),
                _ => String::new(),
            },
        }
    }
}

/// The actor's login name; the source where the actor is unknown.
pub(crate) fn actor_text(l: &Layout, event: &AuditEvent) -> String {
    let name = event.actor_name.clone();
    name.unwrap_or_else(|| l.word("source", event.source))
}

fn page_of(principal: Principal) -> String {
    paths::person(principal).to_string()
}

/// Whether the values of a field are user agents.
fn is_program(field: &str) -> bool {
    matches!(field, "other_program" | "user_agent")
}

/// The label of a field; fields without a label keep their names.
fn field_text(l: &Layout, field: &str) -> String {
    let key = format!("field.{field}");
    let text = l.t(&key);
    if text.ends_with(&key) {
        field.replace('_', " ")
    } else {
        text
    }
}

/// A field's value; known words are translated.
fn value_text(l: &Layout, field: &str, value: &str) -> String {
    match (field, value) {
        ("role", _) => {
            let label = l.roles.label(value, l.locale);
            label.unwrap_or(value).to_owned()
        }
        ("theme", _) if Theme::from_word(value).is_some() => l.word("theme", value),
        ("language", "en") => "English".to_owned(),
        ("language", "ko") => "한국어".to_owned(),
        ("link", "mailed" | "shown" | "used") => l.word("link_way", value),
        ("mail", _) if DeliveryKind::from_word(value).is_some() => l.word("mail", value),
        ("reason", _) if RevocationReason::from_word(value).is_some() => l.word("reason", value),
        ("method", _) if LoginMethod::from_word(value).is_some() => l.word("login_method", value),
        ("second_factor", _) if SecondFactorMethod::from_word(value).is_some() => {
            l.word("factor_method", value)
        }
        ("limit", _) if LimitKind::from_word(value).is_some() => l.word("limit", value),
        ("user_type", "user" | "client") => l.word("user_type", value),
        _ if is_program(field) => l.agent(value),
        (_, "true") => l.t("common.yes"),
        (_, "false") => l.t("common.no"),
        _ => value.to_owned(),
    }
}
