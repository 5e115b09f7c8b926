//! Every endpoint of the API: method, path, caller, handler, and the inputs it reads.

use std::{collections::HashSet, sync::LazyLock};

use actix_web::{HttpRequest, Resource, guard, web};
use foldhash::fast::FixedState;
use schemars::SchemaGenerator;

use crate::domain::admin_scope::AdminScope::{
    AuditRead, BlacklistRead, BlacklistWrite, ClientsRead, ClientsWrite, JobsRead, KeysRead,
    KeysWrite, LocksRead, LocksWrite, ServicesRead, ServicesWrite, SessionsRead, SessionsWrite,
    TokensRead, TokensWrite, UsersRead, UsersWrite,
};
use crate::http::api::admin::bulk_items::{CLIENTS, USERS};
use crate::http::api::admin::list::{BEFORE, CURSOR, FROM, OWNER_TYPE, PERSON};
use crate::http::api::admin::{self, audit_events, sessions as sessions_of_all};
use crate::http::api::codes::{
    ALREADY_EXISTS, CLIENT_NOT_FOUND, CURRENT_PASSWORD_REQUIRED, Code, FORBIDDEN,
    IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED, INVALID_CREDENTIALS, INVALID_LINK,
    INVALID_LOGOUT_TOKEN, INVALID_OTP, INVALID_REQUEST, INVALID_SECOND_FACTOR, INVALID_TOKEN,
    KEY_REFUSED, NO_ISSUER, NOT_FOUND, OTP_DISABLED, PASSKEYS_UNAVAILABLE, RATE_LIMITED,
    REAUTHENTICATION_REQUIRED, SECOND_FACTOR_EXISTS, SECOND_FACTOR_NOT_FOUND,
    SECOND_FACTOR_REQUIRED, SECOND_FACTOR_SETUP_REQUIRED, SELF_SERVICE_DISABLED, SESSION_REVOKED,
    TOKEN_BLACKLISTED, TOKEN_EXPIRED, TOKEN_REUSED, TOKEN_USER_NOT_FOUND, UNAUTHORIZED,
    USER_INACTIVE, USER_NOT_FOUND,
};
use crate::http::api::endpoint::Access::{
    Administrator, Anyone, Bearer, BearerOrRefresh, Internal, Scope, Service, ServiceSecret,
};
use crate::http::api::endpoint::Method::{self, Delete, Get, Patch, Post};
use crate::http::api::endpoint::{Endpoint, OfPath, to};
use crate::http::api::fallback::other_method;
use crate::http::api::health::Health;
use crate::http::api::inputs::{
    CHALLENGE, CLAIMS, CLIENT_ID, CLIENT_SECRET, CODE, CURRENT_PASSWORD, EMAIL, EMAIL_IDENTIFIER,
    EMAIL_VERIFIED, EXTERNAL_ID, FACTOR_CODE, GRANT_TYPE, IDENTIFIER, INVITE, IS_ACTIVE,
    KEEP_CURRENT, LINK_TOKEN, LOGIN_CHALLENGE, LOGIN_PASSWORD, METHOD, NAME, NEW_EMAIL,
    NEW_PASSWORD, PAGE, PAGE_SIZE, PASSWORD, PHONE, ROLE, SCOPE, SEARCH, TOKEN, TOKEN_TYPE_HINT,
    USER_TYPE, USERNAME,
};
use crate::http::api::refresh_transport::{REFRESH, TRANSPORT};
use crate::http::api::{
    account, auth, client_users, forward, health, me, oauth, openapi, otp, passkeys, revocations,
    second_factors, self_service, sessions, status_lists, users, well_known,
};

/// Of a token in a body.
const TOKEN_ERRORS: &[Code] = &[
    INVALID_TOKEN,
    TOKEN_EXPIRED,
    TOKEN_BLACKLISTED,
    SESSION_REVOKED,
    USER_INACTIVE,
    TOKEN_USER_NOT_FOUND,
];

/// Of a refresh token that is exchanged, from a body or a cookie.
const REFRESH_ERRORS: &[Code] = &[
    UNAUTHORIZED,
    INVALID_TOKEN,
    TOKEN_EXPIRED,
    TOKEN_BLACKLISTED,
    TOKEN_REUSED,
    SESSION_REVOKED,
    USER_INACTIVE,
    TOKEN_USER_NOT_FOUND,
    FORBIDDEN,
    RATE_LIMITED,
];

/// All endpoints; those of one path are neighbours.
#[rustfmt::skip]
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new(Post, "/auth/login", Anyone, "Logs in by password", || to(auth::log_in))
        .body(&[IDENTIFIER.alternative(), EMAIL_IDENTIFIER.alternative(), LOGIN_PASSWORD.required(), USER_TYPE.optional(),
                TRANSPORT.optional()])
        .ok("LOGGED_IN").on_device()
        .errors(&[INVALID_CREDENTIALS, SECOND_FACTOR_REQUIRED, SECOND_FACTOR_SETUP_REQUIRED, FORBIDDEN, RATE_LIMITED])
        .example(r#"{"username": "minji@example.org", "password": "correct horse battery staple"}"#),
    Endpoint::new(Post, "/auth/login/second-factor", Anyone, "Completes a login by the second factor",
                  || to(second_factors::log_in))
        .body(&[LOGIN_CHALLENGE.required(), METHOD.required(), FACTOR_CODE.alternative(), passkeys::ASSERTION.alternative(),
                TRANSPORT.optional()])
        .ok("LOGGED_IN").on_device()
        .errors(&[INVALID_SECOND_FACTOR, FORBIDDEN, PASSKEYS_UNAVAILABLE, RATE_LIMITED]),
    Endpoint::new(Post, "/auth/login/second-factor/totp", Anyone, "Begins to set up an authenticator app for a login",
                  || to(second_factors::begin_at_login))
        .body(&[LOGIN_CHALLENGE.required()])
        .ok("TOTP_BEGUN").on_device().errors(&[INVALID_SECOND_FACTOR, SECOND_FACTOR_EXISTS, RATE_LIMITED]),
    Endpoint::new(Post, "/auth/login/second-factor/totp/confirm", Anyone, "Sets up an authenticator app and completes a login",
                  || to(second_factors::set_up_at_login))
        .body(&[LOGIN_CHALLENGE.required(), FACTOR_CODE.required(), TRANSPORT.optional()])
        .ok("LOGGED_IN").on_device()
        .errors(&[INVALID_SECOND_FACTOR, FORBIDDEN, SECOND_FACTOR_NOT_FOUND, SECOND_FACTOR_EXISTS, RATE_LIMITED]),
    Endpoint::new(Post, "/auth/login/second-factor/passkeys", Anyone, "Adds a passkey and completes a login",
                  || to(passkeys::set_up_at_login))
        .body(&[LOGIN_CHALLENGE.required(), passkeys::PASSKEY_NAME.required(), passkeys::CREDENTIAL.required(),
                TRANSPORT.optional()])
        .ok("LOGGED_IN").on_device()
        .errors(&[INVALID_SECOND_FACTOR, FORBIDDEN, PASSKEYS_UNAVAILABLE, SECOND_FACTOR_EXISTS, RATE_LIMITED]),
    Endpoint::new(Post, "/auth/login/second-factor/passkeys/options", Anyone,
                  "Returns what a browser makes a passkey from, for a login", || to(passkeys::options_at_login))
        .body(&[LOGIN_CHALLENGE.required()])
        .ok("PASSKEY_OPTIONS").on_device().errors(&[INVALID_SECOND_FACTOR, PASSKEYS_UNAVAILABLE, RATE_LIMITED]),
    Endpoint::new(Post, "/auth/reauthenticate", Bearer, "Proves again who the caller is", || to(second_factors::reauthenticate))
        .body(&[PASSWORD.alternative(), FACTOR_CODE.alternative(), passkeys::ASSERTION.alternative()])
        .ok("REAUTHENTICATED").on_device().errors(&[REAUTHENTICATION_REQUIRED, PASSKEYS_UNAVAILABLE, RATE_LIMITED])
        .example(r#"{"password": "correct horse battery staple"}"#),
    Endpoint::new(Get, "/auth/second-factors", Bearer, "Returns the caller's second factors", || to(second_factors::show))
        .ok("SECOND_FACTORS"),
    Endpoint::new(Post, "/auth/second-factors/totp", Bearer, "Begins to set up an authenticator app",
                  || to(second_factors::begin_totp))
        .ok("TOTP_BEGUN").errors(&[REAUTHENTICATION_REQUIRED, SECOND_FACTOR_EXISTS]),
    Endpoint::new(Delete, "/auth/second-factors/totp", Bearer, "Removes the authenticator app",
                  || to(second_factors::remove_totp))
        .ok("SECOND_FACTOR_REMOVED").errors(&[REAUTHENTICATION_REQUIRED, SECOND_FACTOR_NOT_FOUND]),
    Endpoint::new(Post, "/auth/second-factors/totp/confirm", Bearer, "Sets up an authenticator app",
                  || to(second_factors::confirm_totp))
        .body(&[FACTOR_CODE.required()])
        .ok("SECOND_FACTOR_ADDED").errors(&[REAUTHENTICATION_REQUIRED, SECOND_FACTOR_NOT_FOUND, SECOND_FACTOR_EXISTS]),
    Endpoint::new(Post, "/auth/second-factors/recovery-codes", Bearer, "Makes new recovery codes",
                  || to(second_factors::new_recovery_codes))
        .ok("RECOVERY_CODES").errors(&[REAUTHENTICATION_REQUIRED, SECOND_FACTOR_NOT_FOUND]),
    Endpoint::new(Post, "/auth/refresh", Anyone, "Exchanges a refresh token for new tokens", || to(auth::refresh))
        .body(&[REFRESH.unless_cookie()])
        .ok("REFRESHED").errors(REFRESH_ERRORS),
    Endpoint::new(Post, "/auth/logout", BearerOrRefresh, "Ends a session", || to(auth::log_out))
        .body(&[REFRESH.unless_cookie()])
        .ok("LOGGED_OUT").errors(&[INVALID_LOGOUT_TOKEN, FORBIDDEN]),
    Endpoint::new(Post, "/auth/logout-all", Bearer, "Ends all sessions of the caller", || to(auth::log_out_all))
        .body(&[KEEP_CURRENT.optional()])
        .ok("LOGGED_OUT_ALL").errors(&[FORBIDDEN]),
    Endpoint::new(Post, "/auth/verify", Anyone, "Verifies a token and returns its claims", || to(auth::verify))
        .body(&[TOKEN.required()])
        .ok("TOKEN_VALID").errors(TOKEN_ERRORS),
    Endpoint::new(Get, "/auth/forward", Bearer, "Tells a proxy whether to pass a request on", || to(forward::forward))
        .every_method().strict_query(&[forward::ROLES.optional(), forward::USER_TYPES.optional()])
        .empty().errors(&[FORBIDDEN]),
    Endpoint::new(Get, "/auth/sessions", Bearer, "Lists the caller's sessions", || to(sessions::list))
        .ok("SESSION_LIST"),
    Endpoint::new(Delete, "/auth/sessions/{id}", Bearer, "Ends one of the caller's sessions", || to(sessions::end))
        .ok("SESSION_ENDED").errors(&[FORBIDDEN, NOT_FOUND]),
    Endpoint::new(Post, "/auth/password", Bearer, "Changes the caller's password", || to(account::change_password))
        .body(&[CURRENT_PASSWORD.required(), NEW_PASSWORD.required()])
        .ok("PASSWORD_CHANGED").on_device().errors(&[REAUTHENTICATION_REQUIRED, RATE_LIMITED]),
    Endpoint::new(Get, "/auth/second-factors/passkeys", Bearer, "Lists the caller's passkeys", || to(passkeys::list))
        .ok("PASSKEY_LIST"),
    Endpoint::new(Post, "/auth/second-factors/passkeys", Bearer, "Adds a passkey", || to(passkeys::add))
        .body(&[passkeys::PASSKEY_NAME.required(), passkeys::CREDENTIAL.required()])
        .created("PASSKEY_ADDED").errors(&[REAUTHENTICATION_REQUIRED, PASSKEYS_UNAVAILABLE]),
    Endpoint::new(Post, "/auth/second-factors/passkeys/options", Bearer, "Returns what a browser makes a passkey from",
                  || to(passkeys::options))
        .ok("PASSKEY_OPTIONS").errors(&[INVALID_REQUEST, REAUTHENTICATION_REQUIRED, PASSKEYS_UNAVAILABLE]),
    Endpoint::new(Patch, "/auth/second-factors/passkeys/{id}", Bearer, "Renames a passkey", || to(passkeys::rename))
        .body(&[passkeys::PASSKEY_NAME.required()])
        .ok("PASSKEY_RENAMED").errors(&[NOT_FOUND]),
    Endpoint::new(Delete, "/auth/second-factors/passkeys/{id}", Bearer, "Removes a passkey", || to(passkeys::remove))
        .ok("PASSKEY_REMOVED").errors(&[REAUTHENTICATION_REQUIRED, NOT_FOUND]),
    Endpoint::new(Post, "/auth/password/forgot", Anyone, "Mails a link that resets a password", || to(self_service::forgot))
        .body(&[EMAIL_IDENTIFIER.alternative(), IDENTIFIER.alternative()])
        .accepted("RESET_SENT").on_device().errors(&[SELF_SERVICE_DISABLED, RATE_LIMITED])
        .example(r#"{"email": "minji@example.org"}"#),
    Endpoint::new(Post, "/auth/password/reset", Anyone, "Sets a new password by a link", || to(self_service::reset))
        .body(&[LINK_TOKEN.required(), NEW_PASSWORD.required()])
        .ok("PASSWORD_CHANGED").errors(&[INVALID_LINK, RATE_LIMITED]),
    Endpoint::new(Post, "/auth/email", Bearer, "Mails a link that changes the caller's e-mail address",
                  || to(self_service::change_email))
        .body(&[NEW_EMAIL.required(), CURRENT_PASSWORD.optional()])
        .accepted("CONFIRMATION_SENT").on_device()
        .errors(&[REAUTHENTICATION_REQUIRED, SELF_SERVICE_DISABLED, RATE_LIMITED]),
    Endpoint::new(Post, "/auth/email/confirm", Anyone, "Changes an e-mail address by a link",
                  || to(self_service::confirm_email))
        .body(&[LINK_TOKEN.required()])
        .ok("EMAIL_CHANGED").errors(&[INVALID_LINK, ALREADY_EXISTS, RATE_LIMITED]),
    Endpoint::new(Post, "/clients/otp/request", Anyone, "Sends a client a one-time code", || to(otp::request))
        .body(&[IDENTIFIER.required()])
        .ok("OTP_SENT").on_device().errors(&[OTP_DISABLED, RATE_LIMITED])
        .example(r#"{"username": "acme"}"#),
    Endpoint::new(Post, "/clients/otp/verify", Anyone, "Logs in by one-time code", || to(otp::verify))
        .body(&[CHALLENGE.required(), CODE.required(), TRANSPORT.optional()])
        .ok("LOGGED_IN").on_device().errors(&[INVALID_OTP, SECOND_FACTOR_REQUIRED, FORBIDDEN, OTP_DISABLED, RATE_LIMITED]),
    Endpoint::new(Post, "/oauth/token", ServiceSecret, "Issues an access token to a service", || to(oauth::token))
        .body(&[GRANT_TYPE.required(), SCOPE.optional(), CLIENT_ID.optional(), CLIENT_SECRET.optional()])
        .oauth().json::<oauth::TokenBody<'_>>()
        .example(r#"{"grant_type": "client_credentials", "scope": "orders.read"}"#),
    Endpoint::new(Post, "/oauth/introspect", Service, "Says whether a token is valid", || to(oauth::introspect))
        .body(&[TOKEN.required(), TOKEN_TYPE_HINT.optional(), CLIENT_ID.optional(), CLIENT_SECRET.optional()])
        .oauth().json::<oauth::Introspection>(),
    Endpoint::new(Post, "/oauth/revoke", Anyone, "Ends the session of a token", || to(oauth::revoke))
        .body(&[TOKEN.required(), TOKEN_TYPE_HINT.optional(), CLIENT_ID.optional(), CLIENT_SECRET.optional()])
        .oauth().empty(),
    Endpoint::new(Get, "/oauth/revocations", Service, "Returns what was revoked since the last call",
                  || to(revocations::show))
        .query(&[revocations::SINCE.optional()])
        .oauth().waits().signed(revocations::MEDIA_TYPE),
    Endpoint::new(Get, "/oauth/status-lists/{number}", Anyone, "Returns a status list, which shows what was revoked",
                  || to(status_lists::show))
        .signed(status_lists::MEDIA_TYPE).tagged().errors(&[NOT_FOUND]),
    Endpoint::new(Get, "/api/me", Bearer, "Returns the caller's account", || to(me::show))
        .ok("ME"),
    Endpoint::new(Get, "/api/users", Internal, "Lists internal users", || to(users::list)).or_scope(UsersRead)
        .query(&[PAGE.optional(), PAGE_SIZE.optional(), SEARCH.optional(), ROLE.optional(), IS_ACTIVE.optional(),
                 users::ORDERING.optional()])
        .ok("USER_LIST"),
    Endpoint::new(Post, "/api/users", Administrator, "Creates an internal user", || to(users::create))
        .strict_body(&[EMAIL.alternative(), EMAIL_VERIFIED.optional(), USERNAME.alternative(), EXTERNAL_ID.nullable(),
                       NAME.required(), ROLE.optional(), PASSWORD.optional(), INVITE.optional(), IS_ACTIVE.optional(),
                       CLAIMS.nullable(), CURRENT_PASSWORD.optional()])
        .created("USER_CREATED").on_device().errors(&[CURRENT_PASSWORD_REQUIRED, REAUTHENTICATION_REQUIRED, ALREADY_EXISTS, RATE_LIMITED]),
    Endpoint::new(Get, "/api/users/{user_seq}", Internal, "Returns an internal user", || to(users::show)).or_scope(UsersRead)
        .ok("USER").errors(&[USER_NOT_FOUND]),
    Endpoint::new(Patch, "/api/users/{user_seq}", Administrator, "Changes an internal user", || to(users::update))
        .strict_body(&[EMAIL.nullable(), EMAIL_VERIFIED.optional(), USERNAME.nullable(), EXTERNAL_ID.nullable(), NAME.optional(), ROLE.optional(),
                       PASSWORD.optional(), IS_ACTIVE.optional(), CLAIMS.nullable(), CURRENT_PASSWORD.optional()])
        .ok("USER_UPDATED").on_device()
        .errors(&[CURRENT_PASSWORD_REQUIRED, REAUTHENTICATION_REQUIRED, USER_NOT_FOUND, ALREADY_EXISTS, RATE_LIMITED])
        .example(r#"{"name": "Kim Minji", "is_active": false}"#),
    Endpoint::new(Delete, "/api/users/{user_seq}", Administrator, "Deletes an internal user", || to(users::delete))
        .ok("USER_DELETED").errors(&[USER_NOT_FOUND]),
    Endpoint::new(Get, "/api/clients", Internal, "Lists clients", || to(client_users::list)).or_scope(ClientsRead)
        .query(&[PAGE.optional(), PAGE_SIZE.optional(), SEARCH.optional(), IS_ACTIVE.optional(),
                 client_users::ORDERING.optional()])
        .ok("CLIENT_LIST"),
    Endpoint::new(Post, "/api/clients", Administrator, "Creates a client", || to(client_users::create))
        .strict_body(&[USERNAME.required(), EXTERNAL_ID.nullable(), NAME.optional(), EMAIL.nullable(),
                       EMAIL_VERIFIED.optional(), PHONE.nullable(), PASSWORD.optional(), INVITE.optional(),
                       IS_ACTIVE.optional(), CLAIMS.nullable()])
        .created("CLIENT_CREATED").errors(&[ALREADY_EXISTS]),
    Endpoint::new(Get, "/api/clients/{user_seq}", Internal, "Returns a client", || to(client_users::show)).or_scope(ClientsRead)
        .ok("CLIENT").errors(&[CLIENT_NOT_FOUND]),
    Endpoint::new(Patch, "/api/clients/{user_seq}", Administrator, "Changes a client", || to(client_users::update))
        .strict_body(&[USERNAME.optional(), EXTERNAL_ID.nullable(), NAME.optional(), EMAIL.nullable(), EMAIL_VERIFIED.optional(), PHONE.nullable(),
                       PASSWORD.nullable(), IS_ACTIVE.optional(), CLAIMS.nullable(), CURRENT_PASSWORD.optional()])
        .ok("CLIENT_UPDATED").on_device()
        .errors(&[CURRENT_PASSWORD_REQUIRED, REAUTHENTICATION_REQUIRED, CLIENT_NOT_FOUND, ALREADY_EXISTS, RATE_LIMITED])
        .example(r#"{"phone": null, "is_active": true}"#),
    Endpoint::new(Delete, "/api/clients/{user_seq}", Administrator, "Deletes a client", || to(client_users::delete))
        .ok("CLIENT_DELETED").errors(&[CLIENT_NOT_FOUND]),
    Endpoint::new(Post, "/api/users/bulk", Scope(UsersWrite), "Creates and changes many internal users", || to(admin::bulk::users))
        .strict_body(&[USERS.required()]).repeatable()
        .ok("BULK_DONE").errors(&[IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED]),
    Endpoint::new(Post, "/api/clients/bulk", Scope(ClientsWrite), "Creates and changes many clients", || to(admin::bulk::clients))
        .strict_body(&[CLIENTS.required()]).repeatable()
        .ok("BULK_DONE").errors(&[IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED]),
    Endpoint::new(Get, "/api/sessions", Scope(SessionsRead), "Lists the sessions of all accounts", || to(admin::sessions::list))
        .query(&[CURSOR.optional(), PAGE_SIZE.optional(), PERSON.optional(), OWNER_TYPE.optional(), sessions_of_all::STATE.optional(),
                 sessions_of_all::ADDRESS.optional(), sessions_of_all::PROGRAM.optional(), FROM.optional(), BEFORE.optional()])
        .ok("ADMIN_SESSION_LIST"),
    Endpoint::new(Post, "/api/sessions/end", Scope(SessionsWrite), "Ends all sessions of an account", || to(admin::sessions::end_all))
        .strict_body(&[sessions_of_all::ACCOUNT.required()])
        .ok("SESSIONS_ENDED").errors(&[USER_NOT_FOUND, CLIENT_NOT_FOUND]),
    Endpoint::new(Delete, "/api/sessions/{id}", Scope(SessionsWrite), "Ends a session", || to(admin::sessions::end))
        .ok("SESSION_ENDED").errors(&[NOT_FOUND]),
    Endpoint::new(Get, "/api/tokens", Scope(TokensRead), "Lists the refresh tokens of all accounts", || to(admin::tokens::list))
        .query(&[CURSOR.optional(), PAGE_SIZE.optional(), PERSON.optional(), OWNER_TYPE.optional(), admin::tokens::STATE.optional(),
                 FROM.optional(), BEFORE.optional()])
        .ok("TOKEN_LIST"),
    Endpoint::new(Post, "/api/tokens/{id}/blacklist", Scope(TokensWrite), "Blacklists a refresh token", || to(admin::tokens::blacklist))
        .ok("TOKEN_REVOKED").errors(&[NOT_FOUND]),
    Endpoint::new(Get, "/api/blacklist", Scope(BlacklistRead), "Lists the blacklisted refresh tokens", || to(admin::blacklist::list))
        .query(&[CURSOR.optional(), PAGE_SIZE.optional(), PERSON.optional(), OWNER_TYPE.optional(), admin::blacklist::REASONS.optional(),
                 FROM.optional(), BEFORE.optional()])
        .ok("BLACKLIST"),
    Endpoint::new(Post, "/api/blacklist/flush", Scope(BlacklistWrite), "Starts a flush of expired rows", || to(admin::blacklist::flush))
        .accepted("FLUSH_STARTED"),
    Endpoint::new(Get, "/api/jobs/{id}", Scope(JobsRead), "Returns a background job", || to(admin::jobs::show))
        .ok("JOB").errors(&[NOT_FOUND]),
    Endpoint::new(Get, "/api/locks", Scope(LocksRead), "Lists locked accounts and addresses", || to(admin::locks::list))
        .query(&[CURSOR.optional(), PAGE_SIZE.optional(), SEARCH.optional(), admin::locks::LIMIT.optional()])
        .ok("LOCK_LIST"),
    Endpoint::new(Post, "/api/locks/lift", Scope(LocksWrite), "Lifts a lock", || to(admin::locks::lift))
        .strict_body(&[admin::locks::LOCK.required()])
        .ok("LOCK_LIFTED"),
    Endpoint::new(Get, "/api/audit-events", Scope(AuditRead), "Lists audit events", || to(audit_events::list))
        .query(&[CURSOR.optional(), PAGE_SIZE.optional(), SEARCH.optional(), PERSON.optional(), audit_events::ACTIONS.optional(),
                 audit_events::OUTCOME.optional(), audit_events::SOURCE.optional(), audit_events::SESSION.optional(),
                 audit_events::REQUEST.optional(), FROM.optional(), BEFORE.optional()])
        .ok("AUDIT_EVENT_LIST"),
    Endpoint::new(Get, "/api/audit-events/export", Scope(AuditRead), "Returns all matching audit events", || to(audit_events::export))
        .query(&[SEARCH.optional(), PERSON.optional(), audit_events::ACTIONS.optional(), audit_events::OUTCOME.optional(),
                 audit_events::SOURCE.optional(), audit_events::SESSION.optional(), audit_events::REQUEST.optional(), FROM.optional(),
                 BEFORE.optional()])
        .lines::<audit_events::AuditEventView>(),
    Endpoint::new(Get, "/api/keys", Scope(KeysRead), "Lists the signing keys", || to(admin::keys::list))
        .ok("KEY_LIST"),
    Endpoint::new(Post, "/api/keys", Scope(KeysWrite), "Makes a signing key", || to(admin::keys::create))
        .strict_body(&[admin::keys::ALGORITHM.required()]).repeatable()
        .created("KEY_CREATED").errors(&[KEY_REFUSED, IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED]),
    Endpoint::new(Post, "/api/keys/{kid}/promote", Scope(KeysWrite), "Lets a signing key sign", || to(admin::keys::promote))
        .strict_body(&[admin::keys::AT_ONCE.optional()])
        .ok("KEY_PROMOTED").errors(&[NOT_FOUND, KEY_REFUSED]),
    Endpoint::new(Post, "/api/keys/{kid}/retire", Scope(KeysWrite), "Withdraws a key that was to sign", || to(admin::keys::retire))
        .ok("KEY_RETIRED").errors(&[NOT_FOUND, KEY_REFUSED]),
    Endpoint::new(Post, "/api/keys/{kid}/revoke", Scope(KeysWrite), "Revokes a signing key", || to(admin::keys::revoke))
        .ok("KEY_REVOKED").errors(&[NOT_FOUND, KEY_REFUSED]),
    Endpoint::new(Get, "/api/services", Scope(ServicesRead), "Lists the services", || to(admin::services::list))
        .ok("SERVICE_LIST"),
    Endpoint::new(Post, "/api/services", Scope(ServicesWrite), "Creates a service", || to(admin::services::create))
        .strict_body(&[admin::services::SERVICE_NAME.required(), admin::services::DESCRIPTION.optional(), admin::services::SCOPES.optional()])
        .created("SERVICE_CREATED").errors(&[ALREADY_EXISTS]),
    Endpoint::new(Get, "/api/services/{number}", Scope(ServicesRead), "Returns a service", || to(admin::services::show))
        .ok("SERVICE").errors(&[NOT_FOUND]),
    Endpoint::new(Patch, "/api/services/{number}", Scope(ServicesWrite), "Changes a service", || to(admin::services::update))
        .strict_body(&[admin::services::DESCRIPTION.optional(), admin::services::SCOPES.optional(), IS_ACTIVE.optional()])
        .ok("SERVICE_UPDATED").errors(&[NOT_FOUND]),
    Endpoint::new(Delete, "/api/services/{number}", Scope(ServicesWrite), "Deletes a service", || to(admin::services::delete))
        .ok("SERVICE_DELETED").errors(&[NOT_FOUND]),
    Endpoint::new(Post, "/api/services/{number}/secret", Scope(ServicesWrite), "Gives a service a new secret",
                  || to(admin::services::rotate_secret))
        .ok("SECRET_ROTATED").errors(&[NOT_FOUND]),
    Endpoint::new(Get, "/.well-known/jwks.json", Anyone, "Returns the public keys of tokens", || to(well_known::jwks))
        .json::<well_known::KeySet>().tagged(),
    Endpoint::new(Get, "/.well-known/oauth-authorization-server", Anyone, "Returns the addresses for services",
                  || to(well_known::metadata))
        .json::<well_known::Metadata>().tagged().errors(&[NO_ISSUER]),
    Endpoint::new(Get, "/healthz", Anyone, "Returns whether the process answers", || to(health::alive))
        .json::<Health>(),
    Endpoint::new(Get, "/readyz", Anyone, "Returns whether the database answers", || to(health::ready))
        .json::<Health>().or(&[(503, SchemaGenerator::subschema_for::<Health>)]),
    Endpoint::new(Get, "/openapi.json", Anyone, "Returns the description of this API", || to(openapi::show))
        .json::<openapi::Description>().tagged(),
];

/// The paths that are called most often.
const FREQUENT: &[&str] = &[
    "/api/me",
    "/auth/forward",
    "/auth/refresh",
    "/auth/verify",
    "/oauth/introspect",
];

/// Registers all endpoints. The outer middleware has removed a trailing slash of the path.
///
/// The router tries one path after the other. So the frequent ones come first, and those with parameters last: they are regular
/// expressions, of which one costs some thousand instructions.
pub(in crate::http) fn routes(config: &mut web::ServiceConfig) {
    register(config, |_| true);
}

/// Registers the endpoints without parameters in their path.
pub(in crate::http) fn fixed_routes(config: &mut web::ServiceConfig) {
    register(config, is_fixed);
}

/// Whether an endpoint has exactly this path.
pub(in crate::http) fn is_fixed_path(path: &str) -> bool {
    static PATHS: LazyLock<HashSet<&str, FixedState>> = LazyLock::new(|| {
        let paths = ENDPOINTS.iter().map(|endpoint| endpoint.path);
        paths.filter(|path| is_fixed(path)).collect()
    });
    PATHS.contains(path)
}

fn is_fixed(path: &str) -> bool {
    !path.contains('{')
}

fn register(config: &mut web::ServiceConfig, is_registered: fn(&str) -> bool) {
    let mut paths: Vec<_> = ENDPOINTS
        .chunk_by(|one, next| one.path == next.path)
        .filter(|of_path| is_registered(of_path[0].path))
        .collect();
    paths.sort_by_key(|of_path| {
        let path = of_path[0].path;
        (!is_fixed(path), !FREQUENT.contains(&path))
    });
    for of_path in paths {
        config.service(resource(of_path[0].path, of_path));
    }
}

/// A path with its methods. Every other method is answered `405` with `Allow`, and `OPTIONS` `204` with `Allow`.
fn resource(path: &str, endpoints: &'static [Endpoint]) -> Resource {
    let accepted = endpoints
        .iter()
        .flat_map(|endpoint| endpoint.method.accepted());
    let mut allow: Vec<&str> = accepted.map(actix_web::http::Method::as_str).collect();
    allow.push("OPTIONS");
    let allow = allow.join(", ");
    let mut resource = web::resource(path).app_data(OfPath(endpoints));
    for endpoint in endpoints {
        let route = endpoint.route();
        resource = resource.route(match endpoint.method {
            _ if endpoint.every_method => route,
            Method::Get => route.guard(guard::Any(guard::Get()).or(guard::Head())),
            Method::Post => route.guard(guard::Post()),
            Method::Patch => route.guard(guard::Patch()),
            Method::Delete => route.guard(guard::Delete()),
        });
    }
    resource.default_service(web::to(move |request: HttpRequest| {
        std::future::ready(other_method(&request, allow.clone()))
    }))
}
