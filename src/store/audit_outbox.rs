//! Logging of audit events after their commit, and the table `audit_outbox`: events that a command has written. Its own
//! output is not the log that is collected, so a server logs them. Each row is removed once, so that of several servers one
//! logs the event.

use diesel::prelude::*;

use crate::store::engine::connection::Db;
use crate::store::engine::transaction::Transaction;
use crate::store::error::StoreError;
use crate::store::raw_audit_events::{RawEvent, list_events};
use crate::store::schema::audit_outbox;

/// Logs a new event after the commit, or lets a server do so if this process is a command.
pub fn publish(transaction: &mut Transaction<'_>, event: RawEvent) -> Result<(), StoreError> {
    if transaction.has_audit_outbox {
        diesel::insert_into(audit_outbox::table)
            .values(audit_outbox::event_id.eq(event.id))
            .execute(&mut **transaction)?;
    } else {
        log_later(transaction, event);
    }
    Ok(())
}

/// Whether events of commands wait to be logged.
pub fn any_pending(connection: &mut Db) -> Result<bool, StoreError> {
    let first = audit_outbox::table.select(audit_outbox::event_id);
    Ok(first.first::<i64>(connection).optional()?.is_some())
}

/// Logs the first events of commands after the commit.
pub fn publish_pending(transaction: &mut Transaction<'_>, limit: i64) -> Result<(), StoreError> {
    let first: Vec<i64> = audit_outbox::table
        .order(audit_outbox::event_id)
        .select(audit_outbox::event_id)
        .limit(limit)
        .load(&mut **transaction)?;
    // Those that another server has removed meanwhile are not returned.
    let removed: Vec<i64> =
        diesel::delete(audit_outbox::table.filter(audit_outbox::event_id.eq_any(first)))
            .returning(audit_outbox::event_id)
            .get_results(&mut **transaction)?;
    let mut events = list_events(transaction, &removed)?;
    events.sort_by_key(|event| event.id);
    for event in events {
        log_later(transaction, event);
    }
    Ok(())
}

fn log_later(transaction: &mut Transaction<'_>, event: RawEvent) {
    transaction.after_commit.push(Box::new(move || log(&event)));
}

/// Logs an event with the target `audit`, so that it can be collected by another system. Names are left out: a name that
/// was typed to log in may be a password.
fn log(event: &RawEvent) {
    let account = |user_type: &Option<String>, user_seq: Option<i64>| {
        let (user_type, user_seq) = user_type.as_ref().zip(user_seq)?;
        Some(format!("{user_type}:{user_seq}"))
    };
    tracing::info!(
        target: "audit",
        id = event.id,
        action = event.action,
        outcome = event.outcome,
        source = event.source,
        actor = account(&event.actor_type, event.actor_seq),
        subject = account(&event.subject_type, event.subject_seq),
        address = event.ip_address,
        request_id = event.request_id,
        "audit event"
    );
}
