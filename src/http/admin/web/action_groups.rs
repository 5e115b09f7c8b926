//! The actions of audit events in groups, for the filter of the audit log.

use crate::domain::audit::Action;
use crate::http::admin::web::filters::Choice;
use crate::http::admin::web::layout::Layout;

/// The groups, by the key of their name.
const GROUPS: &[(&str, &[Action])] = &[
    (
        "logins",
        &[
            Action::LoggedIn,
            Action::LogInRefused,
            Action::LoggedOut,
            Action::CodeRequested,
            Action::AccessRefused,
            Action::SignedIn,
            Action::SignInRefused,
            Action::SignedOut,
            Action::CurrentPasswordRefused,
            Action::Locked,
            Action::LockLifted,
            Action::SecondFactorRequired,
            Action::SecondFactorRefused,
            Action::PasskeyCounterRefused,
            Action::RecoveryCodeUsed,
            Action::Reauthenticated,
        ],
    ),
    (
        "accounts",
        &[
            Action::FirstAdministratorCreated,
            Action::AccountCreated,
            Action::AccountUpdated,
            Action::AccountActivated,
            Action::AccountDeactivated,
            Action::AccountDeleted,
            Action::PasswordChanged,
            Action::LinkIssued,
            Action::LinkWithdrawn,
            Action::ResetRequested,
            Action::EmailChangeRequested,
            Action::SecondFactorAdded,
            Action::SecondFactorRemoved,
            Action::PasskeyAdded,
            Action::PasskeyRenamed,
            Action::PasskeyRemoved,
            Action::RecoveryCodesCreated,
            Action::PreferencesChanged,
            Action::AccountsImported,
        ],
    ),
    (
        "sessions",
        &[
            Action::SessionEnded,
            Action::SessionsEnded,
            Action::BrowserSessionEnded,
            Action::TokenBlacklisted,
            Action::RefreshTokenReused,
            Action::RefreshRetryRefused,
        ],
    ),
    (
        "services",
        &[
            Action::ServiceCreated,
            Action::ServiceUpdated,
            Action::ServiceSecretRotated,
            Action::ServiceActivated,
            Action::ServiceDeactivated,
            Action::ServiceDeleted,
        ],
    ),
    (
        "keys",
        &[
            Action::MasterKeyChanged,
            Action::SigningKeyCreated,
            Action::SigningKeyPromoted,
            Action::SigningKeyRetired,
            Action::SigningKeyRevoked,
            Action::SigningKeySessionsEnded,
        ],
    ),
    (
        "webhooks",
        &[
            Action::WebhookCreated,
            Action::WebhookUpdated,
            Action::WebhookSecretRotated,
            Action::WebhookDeleted,
            Action::WebhookResent,
            Action::WebhookTested,
        ],
    ),
    (
        "operation",
        &[
            Action::BulkStarted,
            Action::FlushStarted,
            Action::FlushFailed,
            Action::JobStopped,
            Action::MailFailed,
            Action::TestMailSent,
            Action::Exported,
            Action::AuditChainRestarted,
            Action::BackupCreated,
            Action::BackupRestored,
            Action::AuditLogPruned,
        ],
    ),
];

/// The name of each group, and its actions in the order of their texts.
pub(crate) fn choices(l: &Layout, chosen: &[&str]) -> Vec<(String, Vec<Choice>)> {
    let group = |(name, actions): &(&str, &[Action])| {
        let choice = |action: &Action| {
            let is_chosen = chosen.contains(&action.as_str());
            (action.to_string(), l.word("action", action), is_chosen)
        };
        let mut choices: Vec<Choice> = actions.iter().map(choice).collect();
        choices.sort_by(|one, other| one.1.cmp(&other.1));
        (l.word("action_group", name), choices)
    };
    GROUPS.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_in_one_group() {
        let grouped = || GROUPS.iter().flat_map(|(_, actions)| actions.iter());
        for name in Action::NAMES.iter().filter(|name| **name != "unknown") {
            let found = grouped().filter(|action| action.as_str() == *name);
            assert_eq!(found.count(), 1, "{name}");
        }
    }
}
