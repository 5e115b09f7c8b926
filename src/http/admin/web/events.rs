//! Audit events as the audit log, the dashboard and the history of an account show them.

use chrono::DateTime;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, AuditSource, Change, Outcome, RefusalCause};
use crate::domain::delivery::DeliveryKind;
use crate::domain::job::BulkAction;
use crate::domain::limits::LimitKind;
use crate::domain::preferences::Theme;
use crate::domain::principal::{Principal, UserType};
use crate::domain::second_factor::SecondFactorMethod;
use crate::domain::session::{LoginMethod, RevocationReason};
use crate::http::admin::paths;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::owners::short_id;
use crate::services::audit::events::AuditEvent;

/// An event in the viewer's language. Texts are empty where a value is unknown.
pub(crate) struct EventView {
    /// The event's page.
    pub url: String,
    pub at: Timestamp,
    pub action: String,
    /// The kind of its mark: `danger` for refusals and alarms, `warn` for what cuts somebody off, or `ok`.
    pub kind: &'static str,
    /// Whether it was refused and the name of the action does not say so.
    pub is_refused: bool,
    /// The actor's login name, or the interface of an actor without account; empty for anonymous callers.
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
    /// The list of the events of the job that this one started; empty for other events.
    pub job_events: String,
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
    /// The page of the new value; empty for none.
    pub url: String,
}

impl EventView {
    pub(crate) fn new(l: &Layout, event: &AuditEvent) -> Self {
        let (subject, subject_url) = subject(l, event);
        let changes = event.changes.iter();
        let is_bulk = event.action == Action::BulkStarted;
        let request = event.request_id.as_ref().filter(|_| is_bulk);
        Self {
            url: paths::audit_event(event.id),
            at: event.happened_at,
            action: l.word("action", event.action),
            kind: kind(event),
            is_refused: event.outcome == Outcome::Refused && !says_refused(event.action),
            actor: actor_text(l, event),
            actor_url: event.actor.map_or_else(String::new, page_of),
            subject_url,
            subject,
            source: l.word("source", event.source),
            ip_address: event.ip_address.clone().unwrap_or_default(),
            changes: changes.map(|change| ChangeView::new(l, change)).collect(),
            job_events: request.map_or_else(String::new, paths::audit_of_job),
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

/// Whether the name of an action says that it was refused.
fn says_refused(action: Action) -> bool {
    matches!(
        action,
        Action::LogInRefused
            | Action::SignInRefused
            | Action::AccessRefused
            | Action::CurrentPasswordRefused
            | Action::RefreshRetryRefused
    )
}

fn kind(event: &AuditEvent) -> &'static str {
    match event.action {
        Action::RefreshTokenReused => "danger",
        _ if event.outcome == Outcome::Refused => "danger",
        Action::Locked
        | Action::AccountDeactivated
        | Action::AccountDeleted
        | Action::SigningKeyRevoked
        | Action::BackupRestored
        | Action::ServiceDeactivated
        | Action::ServiceDeleted
        | Action::FlushFailed
        | Action::WebhookDeleted => "warn",
        _ => "ok",
    }
}

/// The text and the page of the subject; both are empty for the actor's own account.
fn subject(l: &Layout, event: &AuditEvent) -> (String, String) {
    if event.subject.is_some() && event.subject == event.actor {
        return (String::new(), String::new());
    }
    let name = event.subject_name.clone().unwrap_or_default();
    match event.action {
        Action::BulkStarted => (
            bulk_text(l, event).unwrap_or(name.clone()),
            paths::job(name),
        ),
        Action::FlushStarted | Action::FlushFailed | Action::JobStopped => {
            (short_id(&name), paths::job(name))
        }
        Action::AccountDeleted => (name, String::new()),
        _ => (name, event.subject.map_or_else(String::new, page_of)),
    }
}

/// What a bulk change does, such as `Deactivate, 4 clients`.
fn bulk_text(l: &Layout, event: &AuditEvent) -> Option<String> {
    let action = BulkAction::from_word(event.value("action")?)?;
    let user_type = UserType::from_word(event.value("user_type")?)?;
    let key = format!("bulk_event.{action}_{user_type}");
    Some(l.tr_count(&key, event.value("accounts")?))
}

impl ChangeView {
    fn new(l: &Layout, change: &Change) -> Self {
        let text = |value: &Option<String>| {
            let value = value.as_deref();
            value.map_or_else(String::new, |value| value_text(l, &change.field, value))
        };
        let session = device(change).map_or("-", |(session, _, _)| session);
        Self {
            field: field_text(l, &change.field),
            old: text(&change.old),
            new: text(&change.new),
            full: match (is_program(&change.field), &change.new) {
                (true, Some(program)) => program.clone(),
                _ => String::new(),
            },
            url: if session == "-" {
                String::new()
            } else {
                paths::session(session)
            },
        }
    }
}

/// The session, address and user agent of a change that names an ended session.
fn device(change: &Change) -> Option<(&str, &str, &str)> {
    let value = change.new.as_deref().filter(|_| change.field == "device")?;
    let mut parts = value.splitn(3, ' ');
    Some((
        parts.next()?,
        parts.next()?,
        parts.next().unwrap_or_default(),
    ))
}

/// The actor's login name, or the interface of an actor without account; empty for anonymous callers.
pub(crate) fn actor_text(l: &Layout, event: &AuditEvent) -> String {
    match (&event.actor_name, event.source) {
        (Some(name), _) => name.clone(),
        (None, AuditSource::CommandLine | AuditSource::Server) => l.word("source", event.source),
        (None, AuditSource::Panel | AuditSource::Api | AuditSource::Job) => String::new(),
    }
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

/// A field's value; known words are translated, and times are shown in the viewer's zone.
fn value_text(l: &Layout, field: &str, value: &str) -> String {
    match (field, value) {
        ("role", _) => {
            let label = l.roles.label(value, l.locale);
            label.unwrap_or(value).to_owned()
        }
        ("device", _) => device_text(l, value),
        ("other_program", _) => l.agent(value),
        ("is_active", "true") => l.t("common.active"),
        ("is_active", "false") => l.t("common.inactive"),
        ("theme", _) if Theme::from_word(value).is_some() => l.word("theme", value),
        ("language", "en") => "English".to_owned(),
        ("language", "ko") => "한국어".to_owned(),
        ("link", "mailed" | "shown" | "used") => l.word("link_way", value),
        ("mail", _) if DeliveryKind::from_word(value).is_some() => l.word("mail", value),
        ("reason", _) if RevocationReason::from_word(value).is_some() => l.word("reason", value),
        ("cause", _) if RefusalCause::from_word(value).is_some() => l.word("cause", value),
        ("action", _) if BulkAction::from_word(value).is_some() => l.word("bulk_action", value),
        ("method", _) if LoginMethod::from_word(value).is_some() => l.word("login_method", value),
        ("second_factor", _) if SecondFactorMethod::from_word(value).is_some() => {
            l.word("factor_method", value)
        }
        ("limit", _) if LimitKind::from_word(value).is_some() => l.word("limit", value),
        ("user_type", "user" | "client") => l.word("user_type", value),
        ("failure", "unavailable" | "forbidden" | "internal" | "killed") => {
            l.word("flush_failure", value)
        }
        _ if is_program(field) => l.agent(value),
        (_, "true") => l.t("common.yes"),
        (_, "false") => l.t("common.no"),
        ("until" | "before" | "at", _) => time_text(l, value).unwrap_or_else(|| value.to_owned()),
        _ => value.to_owned(),
    }
}

/// The program and the address of an ended session.
fn device_text(l: &Layout, value: &str) -> String {
    let mut parts = value.splitn(3, ' ').skip(1);
    let address = parts.next().filter(|address| *address != "-");
    let agent = parts.next().map(|agent| l.agent(agent));
    let agent = agent.unwrap_or_else(|| l.t("common.unknown"));
    match address {
        Some(address) => format!("{agent} · {address}"),
        None => agent,
    }
}

/// A stored time in the viewer's zone.
fn time_text(l: &Layout, value: &str) -> Option<String> {
    let at = DateTime::parse_from_rfc3339(value).ok()?;
    let at = Timestamp::from_unix_micros(at.timestamp_micros());
    Some(l.time(&at).exact)
}
