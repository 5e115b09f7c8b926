//! Whether an account can log in, and if not, why: its password, locks, last logins and refusals, and its last one-time code.

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::delivery::{DeliveryKind, DeliveryState};
use crate::domain::principal::{Principal, UserType};
use crate::services::account_lookup::find_with_hash;
use crate::services::audit::events::{self, AuditEvent};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::locks;
use crate::store::audit_history::Newest;
use crate::store::deliveries::DeliveryRow;
use crate::store::otp_challenges::{self, ChallengeState};
use crate::store::rate_limits::LockRow;
use crate::store::set_up_links;

/// The number of refusals.
const MAX_REFUSALS: i64 = 5;

/// What decides whether an account can log in.
#[derive(Clone, Debug)]
pub struct LoginStatus {
    /// Whether a password is set.
    pub has_password: bool,
    /// When the password was last set, as far as the audit log has it.
    pub password_set_at: Option<Timestamp>,
    /// The expiry of the open password link.
    pub link_until: Option<Timestamp>,
    /// The active locks.
    pub locks: Vec<LockRow>,
    /// The last login, with the API or to the panel.
    pub last_login: Option<AuditEvent>,
    /// The last refused logins, newest first.
    pub refusals: Vec<AuditEvent>,
    /// The last one-time code.
    pub code: Option<LastCode>,
}

/// The last one-time code of a client.
#[derive(Clone, Debug)]
pub struct LastCode {
    /// When it was requested, or sent.
    pub at: Timestamp,
    /// The channel and the masked recipient, as far as the result of sending it is known.
    pub delivery: Option<DeliveryRow>,
    /// What became of it.
    pub state: CodeState,
}

/// What became of a one-time code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// It could not be sent.
    Failed,
    /// It can be used until this time.
    Open(Timestamp),
    /// It was used.
    Used,
    /// All attempts were used up by wrong codes.
    TooManyAttempts,
    /// It expired, or a newer code, a login or a change of the account ended it.
    Expired,
}

/// The status of an account. `deliveries` are the newest messages to it, newest first.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn of(
    services: &Services,
    owner: Principal,
    deliveries: &[DeliveryRow],
) -> Result<LoginStatus, Error> {
    let now = services.clock.now();
    let (hash, link_until, challenge) = services
        .store
        .read(move |connection| {
            let found = find_with_hash(connection, owner)?;
            let (_, hash) = found.ok_or(Error::AccountNotFound(owner.user_type))?;
            let link = set_up_links::find_open(connection, owner, now)?.map(|(_, until)| until);
            let challenge = match owner.user_type {
                UserType::User => None,
                UserType::Client => otp_challenges::find_newest(connection, owner.user_seq)?,
            };
            Ok::<_, Error>((hash, link, challenge))
        })
        .await?;
    let newest = async |actions: &[Action], limit| {
        let wanted = Newest {
            subject: Some(owner),
            actions: actions.to_vec(),
            ..Newest::default()
        };
        events::newest(services, wanted, limit).await
    };
    let set = newest(&[Action::PasswordChanged], 1).await?;
    let last = newest(&[Action::LoggedIn, Action::SignedIn], 1).await?;
    let refusals = [Action::LogInRefused, Action::SignInRefused];
    let code = deliveries.iter().find(|row| row.kind == DeliveryKind::Code);
    let max_attempts = i64::from(services.config.otp.max_attempts);
    Ok(LoginStatus {
        has_password: hash.is_some(),
        password_set_at: set.first().map(|event| event.happened_at),
        link_until,
        locks: locks::of_account(services, owner).await?,
        last_login: last.into_iter().next(),
        refusals: newest(&refusals, MAX_REFUSALS).await?,
        code: last_code(challenge, code, max_attempts, now),
    })
}

fn last_code(
    challenge: Option<ChallengeState>,
    delivery: Option<&DeliveryRow>,
    max_attempts: i64,
    now: Timestamp,
) -> Option<LastCode> {
    let Some(challenge) = challenge else {
        // The challenge is deleted soon after its end, the result of sending it later.
        let delivery = delivery?;
        let state = match delivery.state {
            DeliveryState::Failed => CodeState::Failed,
            DeliveryState::Queued | DeliveryState::Sent => CodeState::Expired,
        };
        return Some(LastCode {
            at: delivery.created_at,
            delivery: Some(delivery.clone()),
            state,
        });
    };
    let delivery = delivery.filter(|row| row.id == challenge.id.as_str());
    let state = if delivery.is_some_and(|row| row.state == DeliveryState::Failed) {
        CodeState::Failed
    } else if challenge.used_at.is_some() {
        CodeState::Used
    } else if challenge.attempts >= max_attempts {
        CodeState::TooManyAttempts
    } else if challenge.expires_at <= now {
        CodeState::Expired
    } else {
        CodeState::Open(challenge.expires_at)
    };
    Some(LastCode {
        at: challenge.created_at,
        delivery: delivery.cloned(),
        state,
    })
}
