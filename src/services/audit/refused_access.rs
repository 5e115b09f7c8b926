//! That an account was kept from what its role, or whose it is, does not allow (ASVS 5.0 16.3.2).

use std::{collections::HashMap, time::Duration};

use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, Actor},
        principal::Principal,
    },
    services::{
        account_lookup::subject,
        audit::log::{AuditLog, Event},
        bootstrap::Services,
        error::Error,
    },
};

/// How long the same refusal to the same account is not recorded again: whoever keeps trying must not drown the record.
const QUIET: Duration = Duration::from_mins(1);
/// How many refusals are remembered for that.
const MOST: usize = 10_000;

/// What was refused to whom a moment ago.
#[derive(Default)]
pub(crate) struct Refused(HashMap<(Principal, String), Timestamp>);

impl Refused {
    /// Whether this one is not too soon after the last one like it; then it is remembered.
    fn admit(&mut self, who: Principal, request: &str, now: Timestamp) -> bool {
        let key = (who, request.to_owned());
        if self.0.get(&key).is_some_and(|last| now < *last + QUIET) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, last| now < *last + QUIET);
        }
        if self.0.len() < MOST {
            self.0.insert(key, now);
        }
        true
    }
}

impl AuditLog {
    fn admits(&self, who: Principal, request: &str, now: Timestamp) -> bool {
        self.memory(|memory| memory.refused.admit(who, request, now))
    }
}

/// Records that an account was refused a request, named by its method and route; the same one once a minute.
///
/// # Errors
/// The store's.
pub async fn note_access_refused(
    services: &Services,
    actor: Actor,
    who: Principal,
    request: String,
) -> Result<(), Error> {
    let mut audit_context = services.audit_context(&actor);
    if !services.audit_log.admits(who, &request, audit_context.now) {
        return Ok(());
    }
    audit_context.actor.principal = Some(who);
    services
        .store
        .write(move |connection| {
            let subject = subject(connection, who)?;
            let mut audit_context = audit_context.clone();
            audit_context.actor.name.clone_from(&subject.name);
            let event = Event::new(Action::AccessRefused)
                .refused()
                .to(subject)
                .noting("request", &request);
            Ok(audit_context.record(connection, &event)?)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::UserSeq;

    #[test]
    fn the_same_refusal_is_admitted_once_a_minute() {
        let (mut refused, now) = (Refused::default(), Timestamp::EPOCH);
        let ann = Principal::user(UserSeq::new(1).unwrap());
        let acme = Principal::client(UserSeq::new(1).unwrap());
        assert!(refused.admit(ann, "GET /a", now));
        assert!(!refused.admit(ann, "GET /a", now + Duration::from_secs(59)));
        assert!(refused.admit(ann, "GET /b", now) && refused.admit(acme, "GET /a", now));
        assert!(refused.admit(ann, "GET /a", now + QUIET));
    }
}
