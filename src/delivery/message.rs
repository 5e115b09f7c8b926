//! What is known of a message to the owner of an account, for those who look after the account.

use crate::delivery::notice::{AccountChange, ChangeNotice, Notice, ReuseNotice, masked_email};
use crate::domain::delivery::{DeliveryKind, DeliveryState};
use crate::domain::principal::Principal;

/// The channel of links and notices.
pub const MAIL: &str = "smtp";

/// What became of a message to the owner of an account. Contains no code, no link and no unmasked address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// The id of the challenge, the hash of the link, or the id of the notice.
    pub id: String,
    /// The kind of message.
    pub kind: DeliveryKind,
    /// The account.
    pub owner: Principal,
    /// The login name of the account.
    pub login: String,
    /// The name of the channel.
    pub channel: &'static str,
    /// The masked addresses.
    pub recipient: Option<String>,
    /// The state.
    pub state: DeliveryState,
    /// Why it was not sent.
    pub reason: Option<String>,
    /// Number of attempts started.
    pub attempts: u32,
}

impl DeliveryOutcome {
    /// A mail that is queued.
    #[must_use]
    pub fn mail(id: &str, kind: DeliveryKind, owner: Principal, login: &str, email: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            owner,
            login: login.to_owned(),
            channel: MAIL,
            recipient: Some(masked_email(email)),
            state: DeliveryState::Queued,
            reason: None,
            attempts: 0,
        }
    }

    /// A notice of a change that is queued.
    #[must_use]
    pub fn of_change(notice: &ChangeNotice) -> Self {
        let kind = match notice.change {
            AccountChange::Password => DeliveryKind::PasswordChanged,
            AccountChange::Email(_) | AccountChange::EmailRemoved => DeliveryKind::EmailChanged,
            AccountChange::EmailRequested(_) => DeliveryKind::EmailChangeRequested,
            AccountChange::SecondFactorAdded
            | AccountChange::SecondFactorRemoved
            | AccountChange::RecoveryCodeUsed(_)
            | AccountChange::RecoveryCodesReplaced
            | AccountChange::PasskeyAdded(_)
            | AccountChange::PasskeyRemoved(_) => DeliveryKind::SecondFactorChanged,
        };
        let ChangeNotice {
            id,
            owner,
            login,
            email,
            ..
        } = notice;
        Self::mail(id, kind, *owner, login, email)
    }

    /// A notice of a reused token that is queued.
    #[must_use]
    pub fn of_reuse(notice: &ReuseNotice) -> Self {
        let kind = DeliveryKind::TokenReused;
        Self::mail(&notice.id, kind, notice.owner, &notice.login, &notice.email)
    }

    /// A message that was queued. `channel` is that of codes.
    pub(super) fn queued(notice: &Notice, channel: &'static str) -> Self {
        match notice {
            Notice::Code(code) => Self {
                id: code.id.clone(),
                kind: DeliveryKind::Code,
                owner: Principal::client(code.client),
                login: code.username.clone(),
                channel,
                recipient: code.masked_recipient(),
                state: DeliveryState::Queued,
                reason: None,
                attempts: 0,
            },
            Notice::Link(link) => {
                let kind = DeliveryKind::PasswordLink;
                Self::mail(&link.id, kind, link.owner, &link.login, &link.email)
            }
            Notice::Confirmation(link) => {
                let kind = DeliveryKind::EmailConfirmation;
                Self::mail(&link.id, kind, link.owner, &link.login, &link.email)
            }
            Notice::Reuse(reuse) => Self::of_reuse(reuse),
            Notice::Change(change) => Self::of_change(change),
        }
    }
}
