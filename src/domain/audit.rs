//! Audit events: the actor, the interface, the action, the subject, and the old and new values of changed fields. They never
//! contain a password, a token or a code.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::account::Account;
use crate::domain::principal::Principal;
use crate::domain::session::{Device, SessionId};
use crate::domain::text_enum::text_enum;

text_enum! {
    /// The interface that an actor used.
    AuditSource {
        /// The admin panel.
        Panel = "panel",
        /// The API.
        Api = "api",
        /// The CLI.
        CommandLine = "command_line",
        /// The server itself.
        Server = "server",
        /// A job that changes many accounts, which the actor started.
        Job = "job",
    }
}

text_enum! {
    /// The action of an audit event.
    Action {
        /// A login with the API, which began a session.
        LoggedIn = "logged_in",
        /// A refused login with the API.
        LogInRefused = "log_in_refused",
        /// A logout with the API, which ended a session.
        LoggedOut = "logged_out",
        /// A request for a one-time code.
        CodeRequested = "code_requested",
        /// An access that the role of the account does not permit.
        AccessRefused = "access_refused",
        /// A login to the panel.
        SignedIn = "signed_in",
        /// A refused login to the panel.
        SignInRefused = "sign_in_refused",
        /// A logout from the panel.
        SignedOut = "signed_out",
        /// The set-up link created the first administrator.
        FirstAdministratorCreated = "first_administrator_created",
        /// An account was created.
        AccountCreated = "account_created",
        /// Fields of an account were changed.
        AccountUpdated = "account_updated",
        /// An account was activated.
        AccountActivated = "account_activated",
        /// An account was deactivated, and its sessions ended.
        AccountDeactivated = "account_deactivated",
        /// An account was deleted.
        AccountDeleted = "account_deleted",
        /// A passkey was added to an account.
        PasskeyAdded = "passkey_added",
        /// A passkey of an account was renamed.
        PasskeyRenamed = "passkey_renamed",
        /// A passkey of an account was removed.
        PasskeyRemoved = "passkey_removed",
        /// A passkey was refused because its signature counter did not increase: it may have been copied.
        PasskeyCounterRefused = "passkey_counter_refused",
        /// The password of an account was changed.
        PasswordChanged = "password_changed",
        /// A change that needs the current password was refused, because it was wrong.
        CurrentPasswordRefused = "current_password_refused",
        /// A link to set a password was mailed or shown.
        LinkIssued = "link_issued",
        /// A link to set a password was withdrawn.
        LinkWithdrawn = "link_withdrawn",
        /// A mail to the owner of an account was not sent.
        MailFailed = "mail_failed",
        /// A test mail was requested.
        TestMailSent = "test_mail_sent",
        /// The first step of a login succeeded, and the second factor is required.
        SecondFactorRequired = "second_factor_required",
        /// A second factor of an account was set up.
        SecondFactorAdded = "second_factor_added",
        /// The second factors of an account were removed, or one of them.
        SecondFactorRemoved = "second_factor_removed",
        /// A change that needs the second factor was refused, because the code was wrong.
        SecondFactorRefused = "second_factor_refused",
        /// An account got new recovery codes, and the former ones ended.
        RecoveryCodesCreated = "recovery_codes_created",
        /// A recovery code was used.
        RecoveryCodeUsed = "recovery_code_used",
        /// The owner of a session proved again who they are.
        Reauthenticated = "reauthenticated",
        /// A link to reset a forgotten password was requested.
        ResetRequested = "reset_requested",
        /// The owner of an account requested a change of its e-mail address.
        EmailChangeRequested = "email_change_requested",
        /// A session of an account was ended.
        SessionEnded = "session_ended",
        /// All sessions of an account were ended.
        SessionsEnded = "sessions_ended",
        /// A session in the panel was ended.
        BrowserSessionEnded = "browser_session_ended",
        /// A refresh token was blacklisted.
        TokenBlacklisted = "token_blacklisted",
        /// A used refresh token was presented after the grace period, and its session was ended.
        RefreshTokenReused = "refresh_token_reused",
        /// A used refresh token was presented again within the grace period, but from another address and program, and refused.
        RefreshRetryRefused = "refresh_retry_refused",
        /// An account or an address was locked after too many failures.
        Locked = "locked",
        /// A lock was removed before its time.
        LockLifted = "lock_lifted",
        /// Accounts and tokens were imported.
        AccountsImported = "accounts_imported",
        /// A list was exported.
        Exported = "exported",
        /// A flush of expired rows was started.
        FlushStarted = "flush_started",
        /// A background job was stopped.
        JobStopped = "job_stopped",
        /// A bulk change was started.
        BulkStarted = "bulk_started",
        /// The master key was changed.
        MasterKeyChanged = "master_key_changed",
        /// A signing key was made.
        SigningKeyCreated = "signing_key_created",
        /// A signing key began to sign, and the one before was retired.
        SigningKeyPromoted = "signing_key_promoted",
        /// A signing key that was to sign was withdrawn.
        SigningKeyRetired = "signing_key_retired",
        /// A signing key was revoked: its tokens are refused.
        SigningKeyRevoked = "signing_key_revoked",
        /// The last sessions of a revoked signing key were ended.
        SigningKeySessionsEnded = "signing_key_sessions_ended",
        /// The operator restarted the audit chain.
        AuditChainRestarted = "audit_chain_restarted",
        /// A backup of the database and its keys was made.
        BackupCreated = "backup_created",
        /// The database was put back from a backup or another copy.
        BackupRestored = "backup_restored",
        /// Old audit events were removed.
        AuditLogPruned = "audit_log_pruned",
        /// An action that this version does not know.
        Unknown = "unknown",
        /// A user changed the preferences of the panel.
        PreferencesChanged = "preferences_changed",
        /// A service was created.
        ServiceCreated = "service_created",
        /// The description or the scopes of a service were changed.
        ServiceUpdated = "service_updated",
        /// A service got a new secret, and its access tokens were revoked.
        ServiceSecretRotated = "service_secret_rotated",
        /// A service was activated.
        ServiceActivated = "service_activated",
        /// A service was deactivated, and its access tokens were revoked.
        ServiceDeactivated = "service_deactivated",
        /// A service was deleted, and its access tokens were revoked.
        ServiceDeleted = "service_deleted",
        /// A flush of expired rows failed, or its process was killed.
        FlushFailed = "flush_failed",
        /// An endpoint of webhooks was created.
        WebhookCreated = "webhook_created",
        /// The address, the events or the state of an endpoint of webhooks were changed.
        WebhookUpdated = "webhook_updated",
        /// An endpoint of webhooks got a new secret.
        WebhookSecretRotated = "webhook_secret_rotated",
        /// An endpoint of webhooks was deleted.
        WebhookDeleted = "webhook_deleted",
        /// Events were sent to an endpoint of webhooks again.
        WebhookResent = "webhook_resent",
        /// A test event was sent to an endpoint of webhooks.
        WebhookTested = "webhook_tested",
    }
}

impl Action {
    /// Logins, logouts, and what belongs to them. They happen many times a day; all other actions are changes.
    pub const OF_LOGINS: &'static [Self] = &[
        Self::LoggedIn,
        Self::LogInRefused,
        Self::LoggedOut,
        Self::CodeRequested,
        Self::SignedIn,
        Self::SignInRefused,
        Self::SignedOut,
        Self::AccessRefused,
        Self::RefreshRetryRefused,
    ];

    /// All other actions.
    #[must_use]
    pub fn of_changes() -> Vec<Self> {
        let is_change = |action: &Self| !Self::OF_LOGINS.contains(action);
        Self::ALL.into_iter().filter(is_change).collect()
    }

    /// Reads a stored name. An action that only another version knows must not make the whole list unreadable.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::from_word(word).or(Some(Self::Unknown))
    }
}

text_enum! {
    /// Why a login to an existing account was refused.
    RefusalCause {
        /// The password was wrong, or none is set.
        WrongPassword = "wrong_password",
        /// The one-time code was wrong, used or expired.
        WrongCode = "wrong_code",
        /// The account is inactive.
        Inactive = "inactive",
        /// The role has no access to the panel.
        NoPanelAccess = "no_panel_access",
    }
}

text_enum! {
    /// The outcome of an action.
    Outcome {
        /// It was done.
        Done = "done",
        /// It was refused.
        Refused = "refused",
    }
}

/// A changed field. The values of a secret are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The name of the field.
    #[schemars(example = &"name")]
    pub field: String,
    /// The old value; `None` if it was empty or is secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub old: Option<String>,
    /// The new value; `None` if it is empty or secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new: Option<String>,
}

impl Change {
    /// The change of a field; `None` if the values are equal.
    #[must_use]
    pub fn of(field: &str, old: Option<String>, new: Option<String>) -> Option<Self> {
        (old != new).then(|| Self {
            field: field.to_owned(),
            old,
            new,
        })
    }

    /// A value that belongs to an event, such as a number of rows.
    #[must_use]
    pub fn detail(field: &str, value: &impl ToString) -> Self {
        Self {
            field: field.to_owned(),
            old: None,
            new: Some(value.to_string()),
        }
    }
}

/// Who acts, with which interface and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The interface.
    pub source: AuditSource,
    /// The account; `None` for the operator, the server and anonymous callers.
    pub principal: Option<Principal>,
    /// The login name of the account.
    pub name: Option<String>,
    /// The IP address.
    pub ip_address: Option<IpAddr>,
    /// The user agent.
    pub user_agent: Option<String>,
    /// The id of the HTTP request.
    pub request_id: Option<String>,
    /// The session.
    pub session: Option<SessionId>,
}

impl Actor {
    /// An account that uses an interface.
    #[must_use]
    pub fn account(
        source: AuditSource,
        account: &Account,
        device: Device,
        request_id: String,
    ) -> Self {
        Self::anonymous(source, device, request_id).known_as(account)
    }

    /// A caller without an account, or before authentication.
    #[must_use]
    pub fn anonymous(source: AuditSource, device: Device, request_id: String) -> Self {
        Self {
            ip_address: device.ip_address,
            user_agent: device.user_agent,
            request_id: Some(request_id),
            ..Self::without_account(source)
        }
    }

    /// The same actor in a session.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..self
        }
    }

    /// The same actor after the account was authenticated.
    #[must_use]
    pub fn known_as(self, account: &Account) -> Self {
        Self {
            principal: Some(account.principal),
            name: Some(account.login().to_owned()),
            ..self
        }
    }

    /// The operator with the CLI.
    #[must_use]
    pub fn operator() -> Self {
        Self::without_account(AuditSource::CommandLine)
    }

    /// The server itself.
    #[must_use]
    pub fn server() -> Self {
        Self::without_account(AuditSource::Server)
    }

    fn without_account(source: AuditSource) -> Self {
        Self {
            source,
            principal: None,
            name: None,
            ip_address: None,
            user_agent: None,
            request_id: None,
            session: None,
        }
    }

    /// Whether the actor is this account.
    #[must_use]
    pub fn is(&self, principal: Principal) -> bool {
        self.principal == Some(principal)
    }

    /// Whether the rules that protect the last administrator do not apply: the operator can always create another one.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        matches!(self.source, AuditSource::CommandLine | AuditSource::Server)
    }
}

/// What an action is done to.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The account, if the subject is one.
    pub principal: Option<Principal>,
    /// The login name of the account; the id of another subject.
    pub name: Option<String>,
}

impl Subject {
    /// An account, by its login name.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self::account(account.principal, account.login())
    }

    /// A subject that is no account.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            principal: None,
            name: Some(name.into()),
        }
    }

    /// An account and its e-mail address or username.
    #[must_use]
    pub fn account(principal: Principal, name: impl Into<String>) -> Self {
        Self {
            principal: Some(principal),
            name: Some(name.into()),
        }
    }
}
