//! The body of a webhook for an event. It contains no secret; the only personal data are the login name of the account,
//! and what the details of a type say (`docs/webhooks.md`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, AuditSource, Change};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::SessionId;
use crate::domain::webhook::EventType;
use crate::store::audit_events::AuditEventData;

/// The body of a webhook (Standard Webhooks 1.0).
#[derive(Serialize)]
pub struct Payload {
    r#type: EventType,
    timestamp: Timestamp,
    data: EventData,
}

/// What has happened to what, and by whom.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookData")]
pub struct EventData {
    /// The number of the audit event; `null` for a test.
    audit_event: Option<i64>,
    /// The account that it happened to; `null` if it is no event of an account, or the account does not exist.
    account: Option<EventAccount>,
    /// What it happened to instead of an account: the name of a service, the id of a job; otherwise `null`.
    subject: Option<String>,
    /// The session that it happened to or in; otherwise `null`.
    session_id: Option<SessionId>,
    /// Who did it.
    actor: EventActor,
    /// The names of the fields that were changed, without their values.
    changed: Vec<String>,
    /// Further details by their names.
    details: BTreeMap<String, String>,
}

/// An account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookAccount")]
pub struct EventAccount {
    /// The type of the account.
    user_type: UserType,
    /// The number of the account within its type.
    user_seq: UserSeq,
    /// The e-mail address or the username at the time of the event.
    login: Option<String>,
}

/// Who acted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookActor")]
pub struct EventActor {
    /// The interface that was used.
    source: AuditSource,
    /// The type of the account that acted; `null` for the operator, the server and anonymous callers.
    user_type: Option<UserType>,
    /// The number of that account.
    user_seq: Option<UserSeq>,
}

impl EventAccount {
    /// The account that an audit event happened to: its subject, or, for the end of the own session in the panel, its actor.
    pub(super) fn of(event: &AuditEventData) -> Option<Self> {
        let (user_type, user_seq, login) = if event.action == Action::SignedOut {
            (event.actor_type, event.actor_seq, &event.actor_name)
        } else {
            (event.subject_type, event.subject_seq, &event.subject_name)
        };
        Some(Self {
            user_type: user_type?,
            user_seq: user_seq?,
            login: login.clone(),
        })
    }

    /// The account.
    pub(super) fn principal(&self) -> Principal {
        Principal::new(self.user_type, self.user_seq)
    }
}

impl Payload {
    /// The body for an audit event with this id.
    #[must_use]
    pub fn of(kind: EventType, audit_event: i64, event: &AuditEventData) -> Self {
        let changes: Vec<Change> = serde_json::from_str(&event.changes).unwrap_or_default();
        // A name without an account may be a password that was typed as a name: only names that the server gave are
        // sent.
        let is_named = matches!(kind.group(), "service" | "flush");
        let subject = event.subject_name.clone().filter(|_| is_named);
        Self {
            r#type: kind,
            timestamp: event.happened_at,
            data: EventData {
                audit_event: Some(audit_event),
                account: EventAccount::of(event),
                subject,
                session_id: event.session_id.clone(),
                actor: EventActor {
                    source: event.source,
                    user_type: event.actor_type,
                    user_seq: event.actor_seq,
                },
                changed: changed(event.action, &changes),
                details: details(kind, changes),
            },
        }
    }

    /// The body of a test.
    #[must_use]
    pub fn test(source: AuditSource, now: Timestamp) -> Self {
        Self {
            r#type: EventType::Test,
            timestamp: now,
            data: EventData {
                audit_event: None,
                account: None,
                subject: None,
                session_id: None,
                actor: EventActor {
                    source,
                    user_type: None,
                    user_seq: None,
                },
                changed: Vec::new(),
                details: BTreeMap::new(),
            },
        }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The names of the changed fields, where an event has them.
fn changed(action: Action, changes: &[Change]) -> Vec<String> {
    if !matches!(action, Action::AccountUpdated | Action::ServiceUpdated) {
        return Vec::new();
    }
    let names = changes.iter().map(|change| change.field.clone());
    names.collect()
}

fn details(kind: EventType, changes: Vec<Change>) -> BTreeMap<String, String> {
    let chosen = changes.into_iter();
    let chosen = chosen.filter(|change| kind.details().contains(&change.field.as_str()));
    chosen
        .filter_map(|change| Some((change.field, change.new?)))
        .collect()
}
