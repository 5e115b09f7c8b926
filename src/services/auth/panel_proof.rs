//! The proof of who signs in to the admin panel, checked in the transaction that starts the session.

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::second_factor::{PendingLogin, SecondFactorMethod};
use crate::domain::session::RevocationReason;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::error::Error;
use crate::services::limits::counting::CounterReset;
use crate::services::second_factors::challenges::FirstStep;
use crate::services::second_factors::second_step::{Proved, SecondStep};
use crate::store::{StoreError, Transaction, browser_sessions as table, users};

/// The steps of a sign-in.
pub(super) enum Step {
    /// The hash that was verified.
    Password(String, FirstStep),
    SecondFactor(SecondStep),
    /// A passkey, which is verified and used already.
    Passkey,
}

/// Proof of who signs in, with which a session starts.
pub(crate) struct LoginProof {
    pub(super) step: Step,
    pub(super) reset: CounterReset,
    /// The known device.
    pub(super) device: Option<String>,
    /// The hash of the session cookie that the browser had before.
    pub(super) former: Option<String>,
}

/// What the proof of a sign-in leads to.
pub(super) enum Checked {
    /// The session starts.
    Complete(Option<Box<Proved>>),
    /// The second factor is required.
    Pending(PendingLogin),
    /// The second factor is wrong.
    Wrong,
}

impl LoginProof {
    /// By a passkey, which is verified and used already.
    pub(super) fn by_passkey(device: Option<String>, former: Option<String>) -> Self {
        Self {
            step: Step::Passkey,
            reset: CounterReset::default(),
            device,
            former,
        }
    }

    /// The second factor that was proved.
    pub(super) fn factor(&self) -> Option<SecondFactorMethod> {
        match &self.step {
            Step::Password(..) => None,
            Step::SecondFactor(step) => Some(step.factor()),
            Step::Passkey => Some(SecondFactorMethod::Passkey),
        }
    }

    /// Checks the account again, and locks it; part of the transaction of the sign-in.
    pub(super) fn check(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
        account: &Account,
        last_login_at: Option<Timestamp>,
    ) -> Result<Checked, Error> {
        let mut proved = None;
        match &self.step {
            // Verifying the hash takes long: the account may have changed.
            Step::Password(hash, first_step) => {
                let pending = first_step.pending(connection, account)?;
                let last_login_at = last_login_at.filter(|_| pending.is_none());
                let user_seq = account.principal.user_seq;
                if !users::record_login(connection, user_seq, Some(hash), last_login_at)? {
                    return Err(Error::InvalidCredentials);
                }
                if let Some(pending) = pending {
                    first_step.begin(connection, audit_context, account, &pending)?;
                    return Ok(Checked::Pending(pending));
                }
            }
            Step::SecondFactor(step) => {
                proved = step.take(connection, audit_context)?;
                if proved.is_none() {
                    return Ok(Checked::Wrong);
                }
            }
            Step::Passkey => {
                let user_seq = account.principal.user_seq;
                if !users::record_login(connection, user_seq, None, last_login_at)? {
                    return Err(Error::InvalidCredentials);
                }
            }
        }
        self.reset.apply(connection)?;
        end_former(connection, audit_context, self.former.as_deref())?;
        Ok(Checked::Complete(proved.map(Box::new)))
    }
}

/// Ends the session that the browser had before.
fn end_former(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    former: Option<&str>,
) -> Result<(), StoreError> {
    let Some(hash) = former else {
        return Ok(());
    };
    let now = audit_context.now;
    let Some(live) = table::find_live(connection, hash, now)? else {
        return Ok(());
    };
    let (owner, reason) = (&live.account, RevocationReason::Logout);
    if table::end(connection, owner.principal.user_seq, &live.id, now, reason)? {
        let event = Event::new(Action::BrowserSessionEnded).to(Subject::of(owner));
        audit_context.record(connection, &event)?;
    }
    Ok(())
}
