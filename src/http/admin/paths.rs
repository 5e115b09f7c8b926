//! Paths of the admin panel, and of the pages for owners of accounts. Routes, links, forms, redirects and tests are all built from these.

use std::fmt;

use crate::domain::principal::{Principal, UserType};
use crate::domain::saved_view::SavedView;
use crate::http::admin::person_paths::{PeoplePath, PersonPath};

/// The dashboard, and the scope of all paths of the panel.
pub const DASHBOARD: &str = "/admin";
/// The API reference, outside of the panel.
pub const API_DOCS: &str = "/docs";
/// Sign in.
pub const LOGIN: &str = "/admin/login";
/// The second step of the sign-in.
pub const SECOND_STEP: &str = "/admin/login/second-factor";
/// Setting up a second factor during the sign-in.
pub const SET_UP_STEP: &str = "/admin/login/set-up";
/// Adding a passkey during the sign-in.
pub const SET_UP_PASSKEY: &str = "/admin/login/set-up/passkey";
/// What the browser makes it from.
pub const SET_UP_PASSKEY_OPTIONS: &str = "/admin/login/set-up/passkey/options";
/// The viewer's second factor.
pub const SECOND_FACTOR: &str = "/admin/account/second-factor";
/// The viewer's authenticator app: begin to set it up, and the form that confirms it.
pub const TOTP: &str = "/admin/account/second-factor/totp";
/// Confirm the authenticator app.
pub const CONFIRM_TOTP: &str = "/admin/account/second-factor/totp/confirm";
/// Remove the authenticator app.
pub const REMOVE_TOTP: &str = "/admin/account/second-factor/totp/remove";
/// New recovery codes.
pub const RECOVERY_CODES: &str = "/admin/account/second-factor/recovery-codes";
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
/// Change the viewer's e-mail address.
pub const OWN_EMAIL: &str = "/admin/account/email";
/// Add a passkey to the viewer's account.
pub const PASSKEYS: &str = "/admin/account/passkeys";
/// The viewer's passkeys as a CSV file.
pub const PASSKEYS_EXPORT: &str = "/admin/account/passkeys/export.csv";
/// What the browser makes a passkey from.
pub const PASSKEY_OPTIONS: &str = "/admin/account/passkeys/options";
/// What the browser is asked for to prove a passkey again.
pub const PASSKEY_PROOF: &str = "/admin/account/passkeys/proof";
/// The second step of the sign-in with a passkey.
pub const PASSKEY_STEP: &str = "/admin/login/second-factor/passkey";
/// What the browser is asked for in it.
pub const PASSKEY_STEP_OPTIONS: &str = "/admin/login/second-factor/passkey/options";
/// Sign in with a passkey.
pub const PASSKEY_LOGIN: &str = "/admin/login/passkey";
/// What the browser is asked for to sign in with a passkey.
pub const PASSKEY_LOGIN_OPTIONS: &str = "/admin/login/passkey/options";
/// End the viewer's other panel sessions.
pub const END_OWN_SESSIONS: &str = "/admin/account/sessions/end";
/// End the viewer's API sessions.
pub const END_OWN_API_SESSIONS: &str = "/admin/account/api-sessions/end";
/// The scope of the pages for owners of accounts, who need no access to the panel.
pub const OWNERS: &str = "/account";
/// Set the language of these pages.
pub const OWNERS_LANGUAGE: &str = "/account/language";
/// Request a link that resets a password.
pub const FORGOT: &str = "/account/password/forgot";
/// The page after such a request.
pub const FORGOT_SENT: &str = "/account/password/sent";
/// The page after a password link was used.
pub const PASSWORD_SET: &str = "/account/password/done";
/// The page after an e-mail address was confirmed.
pub const EMAIL_CONFIRMED: &str = "/account/email/done";
/// Internal users.
pub const USERS: PeoplePath = PeoplePath::new("/admin/users");
/// Clients.
pub const CLIENTS: PeoplePath = PeoplePath::new("/admin/clients");
/// Services.
pub const SERVICES: &str = "/admin/services";
/// The form of a new service.
pub const NEW_SERVICE: &str = "/admin/services/new";
/// Search over everything.
pub const SEARCH: &str = "/admin/search";
/// Suggestions of accounts, as JSON.
pub const SUGGESTIONS: &str = "/admin/search/accounts";
/// API sessions.
pub const SESSIONS: &str = "/admin/sessions";
/// The sessions as a CSV file.
pub const SESSIONS_EXPORT: &str = "/admin/sessions/export.csv";
/// End sessions in bulk.
pub const END_SESSIONS: &str = "/admin/sessions/end";
/// The refresh tokens as a CSV file.
pub const TOKENS_EXPORT: &str = "/admin/tokens/export.csv";
/// The blacklist as a CSV file.
pub const BLACKLIST_EXPORT: &str = "/admin/blacklist/export.csv";
/// The locks as a CSV file.
pub const LOCKS_EXPORT: &str = "/admin/locks/export.csv";
/// The services as a CSV file.
pub const SERVICES_EXPORT: &str = "/admin/services/export.csv";
/// Refresh tokens.
pub const TOKENS: &str = "/admin/tokens";
/// Blacklisted refresh tokens.
pub const BLACKLIST: &str = "/admin/blacklist";
/// Start a flush.
pub const FLUSH: &str = "/admin/blacklist/flush";
/// The token inspector.
pub const INSPECTOR: &str = "/admin/inspector";
/// Background jobs.
pub const JOBS: &str = "/admin/jobs";
/// The jobs as a CSV file.
pub const JOBS_EXPORT: &str = "/admin/jobs/export.csv";
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
/// The keys as a CSV file.
pub const KEYS_EXPORT: &str = "/admin/keys/export.csv";
/// The form for a new key.
pub const NEW_KEY: &str = "/admin/keys/new";
/// The security checklist.
pub const SECURITY: &str = "/admin/security";
/// Save a view of a list.
pub const VIEWS: &str = "/admin/views";
/// Delete a view of a list.
pub const DELETE_VIEW: &str = "/admin/views/delete";

/// Save a deleted view again.
#[must_use]
pub fn restore_view(view: &SavedView) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("list", &view.list)
        .append_pair("name", &view.name)
        .append_pair("query", &view.query)
        .finish();
    format!("{VIEWS}?{query}")
}

/// The lists that can be filtered.
#[must_use]
pub fn lists() -> [String; 7] {
    let (users, clients) = (USERS.to_string(), CLIENTS.to_string());
    [&users, &clients, SESSIONS, TOKENS, BLACKLIST, LOCKS, AUDIT].map(str::to_owned)
}

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

/// The sign-in page that leads to `next` afterwards.
#[must_use]
pub fn login_then(next: &str) -> String {
    with_next(LOGIN, next)
}

/// A page of the sign-in that leads to `next` afterwards.
#[must_use]
pub fn with_next(page: &str, next: &str) -> String {
    if next.is_empty() {
        return page.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("{page}?{query}")
}

/// One of the viewer's passkeys.
pub fn passkey(id: impl fmt::Display) -> String {
    format!("{PASSKEYS}/{id}")
}

/// Remove one of the viewer's passkeys.
pub fn remove_passkey(id: impl fmt::Display) -> String {
    format!("{PASSKEYS}/{id}/remove")
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
    format!("{OWNERS}/password/{secret}")
}

/// The one-time link that sets a password, as it was before the pages had a scope of their own.
pub fn former_password_link(secret: impl fmt::Display) -> String {
    format!("/admin/password/{secret}")
}

/// The one-time link that confirms an e-mail address.
pub fn confirm_email(secret: impl fmt::Display) -> String {
    format!("{OWNERS}/email/{secret}")
}

/// A service.
pub fn service(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}")
}

/// Replace the secret of a service.
pub fn service_secret(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}/secret")
}

/// Send a test mail.
pub const TEST_MAIL: &str = "/admin/security/test-mail";

/// The secret of a service, shown once.
pub fn shown_service_secret(number: impl fmt::Display) -> String {
    format!("{SERVICES}/{number}/secret/shown")
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

/// A session.
pub fn session(id: impl fmt::Display) -> String {
    format!("{SESSIONS}/{id}")
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
    format!("{JOBS}/{id}")
}

/// Stop a background job.
pub fn stop_job(id: impl fmt::Display) -> String {
    format!("{JOBS}/{id}/stop")
}
