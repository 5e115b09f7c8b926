//! Paths of the admin panel. Routes, links, forms, redirects and tests are all built from these.

use std::{fmt, ops::Deref};

use crate::domain::principal::{Principal, UserType};

/// The dashboard, and the scope of all other paths.
pub const DASHBOARD: &str = "/admin";
/// The API reference, outside of the panel.
pub const API_DOCS: &str = "/docs";
/// Sign in.
pub const LOGIN: &str = "/admin/login";
/// Sign out.
pub const LOGOUT: &str = "/admin/logout";
/// Set the language.
pub const LANGUAGE: &str = "/admin/language";
/// The viewer's own account.
pub const ACCOUNT: &str = "/admin/account";
/// Change the viewer's name.
pub const PROFILE: &str = "/admin/account/profile";
/// Change the viewer's language, theme and time zone.
pub const PREFERENCES: &str = "/admin/account/preferences";
/// Change the viewer's password.
pub const PASSWORD: &str = "/admin/account/password";
/// End the viewer's other panel sessions.
pub const END_OWN_SESSIONS: &str = "/admin/account/sessions/end";
/// End the viewer's API sessions.
pub const END_OWN_API_SESSIONS: &str = "/admin/account/api-sessions/end";
/// The page after a password link was used.
pub const PASSWORD_SET: &str = "/admin/password/done";
/// Internal users.
pub const USERS: PeoplePath = PeoplePath("/admin/users");
/// Clients.
pub const CLIENTS: PeoplePath = PeoplePath("/admin/clients");
/// Services.
pub const SERVICES: &str = "/admin/services";
/// The form of a new service.
pub const NEW_SERVICE: &str = "/admin/services/new";
/// Refresh tokens.
pub const TOKENS: &str = "/admin/tokens";
/// Blacklisted refresh tokens.
pub const BLACKLIST: &str = "/admin/blacklist";
/// Start a flush.
pub const FLUSH: &str = "/admin/blacklist/flush";
/// The token inspector.
pub const INSPECTOR: &str = "/admin/inspector";
/// Locks.
pub const LOCKS: &str = "/admin/locks";
/// Lift one lock.
pub const LIFT_LOCK: &str = "/admin/locks/lift";
/// The audit log.
pub const AUDIT: &str = "/admin/audit";
/// The audit log as a CSV file.
pub const AUDIT_EXPORT: &str = "/admin/audit/export.csv";
/// The verification of the audit chain.
pub const AUDIT_CHAIN: &str = "/admin/audit/verification";
/// The keys that sign tokens.
pub const KEYS: &str = "/admin/keys";
/// The form for a new key.
pub const NEW_KEY: &str = "/admin/keys/new";
/// The security checklist.
pub const SECURITY: &str = "/admin/security";

/// The list of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeoplePath(&'static str);

/// The page of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonPath(String);

/// The list of a population.
#[must_use]
pub const fn people(user_type: UserType) -> PeoplePath {
    match user_type {
        UserType::User => USERS,
        UserType::Client => CLIENTS,
    }
}

/// The page of an account.
#[must_use]
pub fn person(principal: Principal) -> PersonPath {
    people(principal.user_type).person(principal.user_seq)
}

impl PeoplePath {
    /// The form of a new account.
    #[must_use]
    pub fn new_form(&self) -> String {
        format!("{self}/new")
    }

    /// The list as a CSV file.
    #[must_use]
    pub fn export(&self) -> String {
        format!("{self}/export.csv")
    }

    /// Bulk actions.
    #[must_use]
    pub fn actions(&self) -> String {
        format!("{self}/actions")
    }

    /// The page of one account.
    pub fn person(&self, seq: impl fmt::Display) -> PersonPath {
        PersonPath(format!("{self}/{seq}"))
    }
}

impl PersonPath {
    /// The form that changes the account.
    #[must_use]
    pub fn edit(&self) -> String {
        format!("{self}/edit")
    }

    /// The confirmation before a deletion, and the deletion.
    #[must_use]
    pub fn delete(&self) -> String {
        format!("{self}/delete")
    }

    /// The confirmation before an administrator is activated, and the activation.
    #[must_use]
    pub fn activate(&self) -> String {
        format!("{self}/activate")
    }

    /// Deactivate the account.
    #[must_use]
    pub fn deactivate(&self) -> String {
        format!("{self}/deactivate")
    }

    /// Issue a password link.
    #[must_use]
    pub fn password_link(&self) -> String {
        format!("{self}/link")
    }

    /// Lift all locks of the account.
    #[must_use]
    pub fn unlock(&self) -> String {
        format!("{self}/unlock")
    }

    /// End all sessions of the account.
    #[must_use]
    pub fn end_sessions(&self) -> String {
        format!("{self}/sessions/end")
    }

    /// End one API session of the account.
    pub fn end_session(&self, id: impl fmt::Display) -> String {
        format!("{self}/sessions/{id}/end")
    }

    /// End one panel session of the account.
    pub fn end_browser_session(&self, id: impl fmt::Display) -> String {
        format!("{self}/browser-sessions/{id}/end")
    }
}

impl Deref for PeoplePath {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for PeoplePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Deref for PersonPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The sign-in page that leads to `next` afterwards.
#[must_use]
pub fn login_then(next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("{LOGIN}?{query}")
}

/// As [`login_then`], after a form was not saved because the session had ended.
#[must_use]
pub fn login_after_form(next: &str) -> String {
    format!("{}&ended=1", login_then(next))
}

/// End one of the viewer's panel sessions.
pub fn end_own_session(id: impl fmt::Display) -> String {
    format!("{ACCOUNT}/sessions/{id}/end")
}

/// End one of the viewer's API sessions.
pub fn end_own_api_session(id: impl fmt::Display) -> String {
    format!("{ACCOUNT}/api-sessions/{id}/end")
}

/// The one-time link that creates the first administrator.
pub fn setup(secret: impl fmt::Display) -> String {
    format!("/admin/setup/{secret}")
}

/// The one-time link that sets a password.
pub fn password_link(secret: impl fmt::Display) -> String {
    format!("/admin/password/{secret}")
}

/// A service.
pub fn service(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}")
}

/// Replace the secret of a service.
pub fn service_secret(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}/secret")
}

/// Activate a service.
pub fn activate_service(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}/activate")
}

/// Deactivate a service.
pub fn deactivate_service(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}/deactivate")
}

/// Delete a service.
pub fn delete_service(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}/delete")
}

/// A refresh token.
pub fn token(jti: impl fmt::Display) -> String {
    format!("{TOKENS}/{jti}")
}

/// Let a key sign.
pub fn promote_key(kid: impl fmt::Display) -> String {
    format!("{KEYS}/{kid}/promote")
}

/// Withdraw a key.
pub fn retire_key(kid: impl fmt::Display) -> String {
    format!("{KEYS}/{kid}/retire")
}

/// Revoke a key.
pub fn revoke_key(kid: impl fmt::Display) -> String {
    format!("{KEYS}/{kid}/revoke")
}

/// Blacklist a refresh token.
pub fn blacklist_token(jti: impl fmt::Display) -> String {
    format!("{TOKENS}/{jti}/blacklist")
}

/// End the session of a refresh token.
pub fn end_session_of_token(jti: impl fmt::Display) -> String {
    format!("{TOKENS}/{jti}/end-session")
}

/// An audit event.
pub fn audit_event(id: impl fmt::Display) -> String {
    format!("{AUDIT}/{id}")
}

/// The audit events of a session.
pub fn audit_of_session(id: impl fmt::Display) -> String {
    format!("{AUDIT}?session={id}")
}

/// The audit events of the job that this request started.
pub fn audit_of_job(request: impl fmt::Display) -> String {
    format!("{AUDIT}?job={request}")
}

/// The audit events of an action on a day.
pub fn audit_of_day(action: impl fmt::Display, day: impl fmt::Display) -> String {
    format!("{AUDIT}?action={action}&from={day}&to={day}")
}

/// All audit events of a day.
pub fn audit_on(day: impl fmt::Display) -> String {
    format!("{AUDIT}?from={day}&to={day}")
}

/// The audit events of an action since a day.
pub fn audit_since(action: impl fmt::Display, day: impl fmt::Display) -> String {
    format!("{AUDIT}?action={action}&from={day}")
}

/// The audit events with an IP address since a day.
pub fn audit_of_address(address: impl fmt::Display, day: impl fmt::Display) -> String {
    format!("{AUDIT}?search={address}&from={day}")
}

/// The audit events of an account.
pub fn audit_of(principal: impl fmt::Display) -> String {
    format!("{AUDIT}?person={principal}")
}

/// A background job.
pub fn job(id: impl fmt::Display) -> String {
    format!("/admin/jobs/{id}")
}

/// Stop a background job.
pub fn stop_job(id: impl fmt::Display) -> String {
    format!("/admin/jobs/{id}/stop")
}
