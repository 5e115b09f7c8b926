//! What is known of a message to the owner of an account, for those who look after the account.

use crate::clock::Timestamp;
use crate::delivery::notice::{AccountChange, Notice, masked_email};
use crate::domain::delivery::{DeliveryKind, DeliveryState};
use crate::domain::principal::Principal;
use crate::domain::session::new_v7;

/// The channel of links and notices.
pub const MAIL: &str = "smtp";

/// What became of a message to the owner of an account. Contains no code, no link and no unmasked address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// The id of the challenge, the hash of the link, or a new id.
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
    /// A message that was queued now. `channel` is that of codes.
    pub(super) fn queued(notice: &Notice, channel: &'static str, now: Timestamp) -> Self {
        let (id, kind, owner, login, email) = match notice {
            Notice::Code(code) => {
                return Self {
                    id: code.id.clone(),
                    kind: DeliveryKind::Code,
                    owner: Principal::client(code.client),
                    login: code.username.clone(),
                    channel,
                    recipient: code.masked_recipient(),
                    state: DeliveryState::Queued,
                    reason: None,
                    attempts: 0,
                };
            }
            Notice::Link(link) => {
                let (id, kind) = (link.id.clone(), DeliveryKind::PasswordLink);
                (id, kind, link.owner, &link.login, &link.email)
            }
            Notice::Confirmation(link) => {
                let (id, kind) = (link.id.clone(), DeliveryKind::EmailConfirmation);
                (id, kind, link.owner, &link.login, &link.email)
            }
            Notice::Reuse(reuse) => {
                let kind = DeliveryKind::TokenReused;
                (new_v7(now), kind, reuse.owner, &reuse.login, &reuse.email)
            }
            Notice::Change(change) => {
                let kind = match change.change {
                    AccountChange::Password => DeliveryKind::PasswordChanged,
                    AccountChange::Email(_) | AccountChange::EmailRemoved => {
                        DeliveryKind::EmailChanged
                    }
                    AccountChange::EmailRequested(_) => DeliveryKind::EmailChangeRequested,
                    AccountChange::SecondFactorAdded
                    | AccountChange::SecondFactorRemoved
                    | AccountChange::RecoveryCodeUsed(_)
                    | AccountChange::RecoveryCodesReplaced
                    | AccountChange::PasskeyAdded(_)
                    | AccountChange::PasskeyRemoved(_) => DeliveryKind::SecondFactorChanged,
                };
                let id = new_v7(now);
                (id, kind, change.owner, &change.login, &change.email)
            }
        };
        Self {
            id,
            kind,
            owner,
            login: login.clone(),
            channel: MAIL,
            recipient: Some(masked_email(email)),
            state: DeliveryState::Queued,
            reason: None,
            attempts: 0,
        }
    }
}
