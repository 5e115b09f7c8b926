//! What is recorded of a change: who did what to whom, through which door, and the fields' old and new values. Never a
//! password, a token or a code.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::domain::{
    account::Account,
    principal::Principal,
    session::{Device, SessionId},
    text_enum::text_enum,
};

text_enum! {
    /// Through which door somebody came.
    AuditSource {
        /// The panel in a browser.
        Panel = "panel",
        /// The JSON door.
        Api = "api",
        /// The command line.
        CommandLine = "command_line",
        /// Nobody: the server itself.
        Server = "server",
    }
}

text_enum! {
    /// What was done.
    Action {
        /// A session began: an account was let in at the JSON door.
        LoggedIn = "logged_in",
        /// Somebody was refused at the JSON door.
        LogInRefused = "log_in_refused",
        /// A session was ended by whoever held it.
        LoggedOut = "logged_out",
        /// A one-time code was asked for.
        CodeRequested = "code_requested",
        /// An account was kept from what its role does not allow.
        AccessRefused = "access_refused",
        /// Somebody signed in to the panel.
        SignedIn = "signed_in",
        /// Somebody was refused at the panel's door.
        SignInRefused = "sign_in_refused",
        /// Somebody signed out of the panel.
        SignedOut = "signed_out",
        /// The first administrator was made by the set-up link.
        FirstAdministratorMade = "first_administrator_made",
        /// An account was made.
        AccountCreated = "account_created",
        /// An account's fields were changed.
        AccountUpdated = "account_updated",
        /// An account was activated.
        AccountActivated = "account_activated",
        /// An account was deactivated, and its sessions ended.
        AccountDeactivated = "account_deactivated",
        /// An account was deleted.
        AccountDeleted = "account_deleted",
        /// An account's password was changed.
        PasswordChanged = "password_changed",
        /// A link to set a password was sent or shown.
        LinkIssued = "link_issued",
        /// One session of an account was ended.
        SessionEnded = "session_ended",
        /// All sessions of an account were ended.
        SessionsEnded = "sessions_ended",
        /// A browser's session in the panel was ended.
        BrowserSessionEnded = "browser_session_ended",
        /// A refresh token was blacklisted.
        TokenBlacklisted = "token_blacklisted",
        /// A refresh token came again long after it was used, and its session was ended.
        RefreshTokenReused = "refresh_token_reused",
        /// An account or an address has to wait after too many failures.
        Locked = "locked",
        /// Such a lock was lifted before its time.
        LockLifted = "lock_lifted",
        /// A list was written out as CSV.
        Exported = "exported",
        /// A flush of expired rows was started.
        FlushStarted = "flush_started",
        /// A flush was stopped, or a change of many accounts.
        JobStopped = "job_stopped",
        /// A change of many accounts was started.
        BulkStarted = "bulk_started",
        /// The server was started with another signing key.
        SigningKeyChanged = "signing_key_changed",
        /// The operator had the chain of the record begun anew.
        RecordRestarted = "record_restarted",
        /// Events that were old enough were taken out of the record.
        RecordTrimmed = "record_trimmed",
        /// Something that this version does not know.
        Unknown = "unknown",
        /// Somebody changed how the panel looks to him.
        PreferencesChanged = "preferences_changed",
    }
}

text_enum! {
    /// What came of it.
    Outcome {
        /// It was done.
        Done = "done",
        /// It was refused.
        Refused = "refused",
    }
}

/// One field that was changed. A secret's values are left out: only that it was changed is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What it was; nothing where it was empty, or secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub old: Option<String>,
    /// What it is now; nothing where it is empty, or secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new: Option<String>,
}

impl Change {
    /// A field's change, if it is one.
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
    pub fn note(field: &str, value: &impl ToString) -> Self {
        Self {
            field: field.to_owned(),
            old: None,
            new: Some(value.to_string()),
        }
    }
}

/// Who does something, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Through which door.
    pub door: AuditSource,
    /// The account; none for the operator, the server, and whoever is not signed in yet.
    pub principal: Option<Principal>,
    /// What the actor is called.
    pub name: Option<String>,
    /// From which address.
    pub ip_address: Option<IpAddr>,
    /// From which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// In which session.
    pub session: Option<SessionId>,
}

impl Actor {
    /// An account at a door.
    #[must_use]
    pub fn account(
        door: AuditSource,
        account: &Account,
        device: Device,
        request_id: String,
    ) -> Self {
        Self {
            door,
            principal: Some(account.principal),
            name: Some(account.login().to_owned()),
            ip_address: device.ip_address,
            user_agent: device.user_agent,
            request_id: Some(request_id),
            session: None,
        }
    }

    /// Somebody at a door who is not known, or not known yet.
    #[must_use]
    pub fn stranger(door: AuditSource, device: Device, request_id: String) -> Self {
        Self {
            door,
            principal: None,
            name: None,
            ip_address: device.ip_address,
            user_agent: device.user_agent,
            request_id: Some(request_id),
            session: None,
        }
    }

    /// The same in a session.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..self
        }
    }

    /// The same, known now: an account that was let in.
    #[must_use]
    pub fn known_as(self, account: &Account) -> Self {
        Self {
            principal: Some(account.principal),
            name: Some(account.login().to_owned()),
            ..self
        }
    }

    /// The operator at the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self::nobody(AuditSource::CommandLine)
    }

    /// The server itself.
    #[must_use]
    pub fn server() -> Self {
        Self::nobody(AuditSource::Server)
    }

    fn nobody(door: AuditSource) -> Self {
        Self {
            door,
            principal: None,
            name: None,
            ip_address: None,
            user_agent: None,
            request_id: None,
            session: None,
        }
    }

    /// Whether it is this account.
    #[must_use]
    pub fn is(&self, principal: Principal) -> bool {
        self.principal == Some(principal)
    }

    /// Whether the rules for administrators hold for it: the operator can always make another, so none holds for him.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        !matches!(self.door, AuditSource::CommandLine | AuditSource::Server)
    }
}

/// Whom or what something is done to.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The account.
    pub principal: Option<Principal>,
    /// What it is called; of a thing that is no account, its id.
    pub name: Option<String>,
}

impl Subject {
    /// An account by its e-mail address or username.
    #[must_use]
    pub fn account(principal: Principal, name: impl Into<String>) -> Self {
        Self {
            principal: Some(principal),
            name: Some(name.into()),
        }
    }
}
