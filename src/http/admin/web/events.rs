//! Events of the record as pages tell them: in the audit log, on the dashboard, and in the history of a person.

use crate::{
    clock::Timestamp,
    domain::{
        account::Role,
        audit::{Action, Change, Outcome},
        limits::LimitKind,
        preferences::Theme,
        session::{LoginMethod, RevocationReason},
    },
    http::admin::web::{layout::Layout, owners::page_of},
    services::audit::events::AuditEvent,
};

/// An event in the viewer's words.
pub(crate) struct EventView {
    /// Its own page.
    pub url: String,
    /// When it happened.
    pub at: Timestamp,
    /// What was done.
    pub action: String,
    /// Whether it was refused.
    pub is_refused: bool,
    /// Who did it; what the door is called where nobody is known.
    pub actor: String,
    /// The page of whoever did it; empty where there is none.
    pub actor_url: String,
    /// To whom; empty where it was done to nobody, or to the actor himself.
    pub subject: String,
    /// The page of that one.
    pub subject_url: String,
    /// Through which door.
    pub door: String,
    /// From which address; empty where that is not known, as the next two.
    pub ip_address: String,
    /// From which program.
    pub user_agent: String,
    /// In which request.
    pub request_id: String,
    /// In which session.
    pub session: String,
    /// What it changed.
    pub changes: Vec<ChangeView>,
}

/// A field's change in the viewer's words.
pub(crate) struct ChangeView {
    /// The field's name.
    pub field: String,
    /// What it was; empty where there was nothing.
    pub old: String,
    /// What it is; empty where there is nothing.
    pub new: String,
}

impl EventView {
    /// Tells an event.
    pub(crate) fn new(l: &Layout, event: &AuditEvent) -> Self {
        let door = l.t(&format!("door.{}", event.source));
        let is_own = event.subject.is_some() && event.subject == event.actor;
        let subject = event.subject_name.clone().filter(|_| !is_own);
        let is_deletion = event.action == Action::AccountDeleted;
        Self {
            url: format!("/admin/audit/{}", event.id),
            at: event.happened_at,
            action: l.t(&format!("action.{}", event.action)),
            is_refused: event.outcome == Outcome::Refused,
            actor: event.actor_name.clone().unwrap_or_else(|| door.clone()),
            actor_url: event.actor.map_or_else(String::new, page_of),
            subject_url: match event.subject {
                Some(principal) if subject.is_some() && !is_deletion => page_of(principal),
                _ => String::new(),
            },
            subject: subject.unwrap_or_default(),
            door,
            ip_address: event.ip_address.clone().unwrap_or_default(),
            user_agent: event.user_agent.clone().unwrap_or_default(),
            request_id: event.request_id.clone().unwrap_or_default(),
            session: event
                .session
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            changes: event
                .changes
                .iter()
                .map(|change| ChangeView::new(l, change))
                .collect(),
        }
    }

    /// Whether nothing was there before: its values are facts, and no changes.
    pub(crate) fn is_new(&self) -> bool {
        self.changes.iter().all(|change| change.old.is_empty())
    }

    /// The same of many.
    pub(crate) fn all(l: &Layout, events: &[AuditEvent]) -> Vec<Self> {
        events.iter().map(|event| Self::new(l, event)).collect()
    }
}

impl ChangeView {
    fn new(l: &Layout, change: &Change) -> Self {
        let told = |value: &Option<String>| {
            value
                .as_deref()
                .map_or_else(String::new, |value| value_text(l, &change.field, value))
        };
        Self {
            field: field_text(l, &change.field),
            old: told(&change.old),
            new: told(&change.new),
        }
    }
}

/// What a field is called; a field that has no name in our words keeps its own.
pub(crate) fn field_text(l: &Layout, field: &str) -> String {
    let key = format!("field.{field}");
    let text = l.t(&key);
    if text.ends_with(&key) {
        field.replace('_', " ")
    } else {
        text
    }
}

/// A field's value in words; a value that is no word of ours is told as it is.
pub(crate) fn value_text(l: &Layout, field: &str, value: &str) -> String {
    match (field, value) {
        ("role", role) if Role::parse(role).is_ok() => l.t(&format!("role.{role}")),
        ("theme", theme) if Theme::from_word(theme).is_some() => l.t(&format!("theme.{theme}")),
        ("language", "en") => "English".to_owned(),
        ("language", "ko") => "한국어".to_owned(),
        ("link", "mailed" | "shown" | "used") => l.t(&format!("link_way.{value}")),
        ("reason", reason) if RevocationReason::from_word(reason).is_some() => {
            l.t(&format!("reason.{reason}"))
        }
        ("method", method) if LoginMethod::from_word(method).is_some() => {
            l.t(&format!("login_method.{method}"))
        }
        ("limit", limit) if LimitKind::from_word(limit).is_some() => l.t(&format!("limit.{limit}")),
        ("user_type", "user" | "client") => l.t(&format!("user_type.{value}")),
        (_, "true") => l.t("common.yes"),
        (_, "false") => l.t("common.no"),
        (_, value) => value.to_owned(),
    }
}
