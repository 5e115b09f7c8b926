//! Every error code of the API: its status, when it is sent, and what a client does then. The OpenAPI document and the
//! table in `docs/api.md` have these texts.

/// A code of an error.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The status of HTTP.
    pub status: u16,
    /// The code.
    pub name: &'static str,
    /// When it is sent.
    pub when: &'static str,
    /// What a client does.
    pub action: &'static str,
}

/// Declares codes as constants, and the table of all.
macro_rules! codes {
    ($($constant:ident = $status:literal $name:literal, $when:literal, $action:literal;)+) => {
        $(pub(in crate::http) const $constant: Code = Code { status: $status, name: $name, when: $when, action: $action };)+

        /// All codes, by status. A code with two meanings is there twice.
        pub const CODES: &[Code] = &[$($constant),+];
    };
}

codes! {
    INVALID_REQUEST = 400 "INVALID_REQUEST", "the body or query is wrong; `errors` has sentences for each field",
        "show the sentences, correct the input";
    INVALID_LOGOUT_TOKEN = 400 "INVALID_TOKEN", "logout: the refresh token in the body is not valid",
        "forget both tokens";
    INVALID_LINK = 400 "INVALID_LINK", "the link is unknown, used, expired or replaced by a newer one",
        "request a new link";
    UNAUTHORIZED = 401 "UNAUTHORIZED", "no credentials were sent", "log in";
    INVALID_CREDENTIALS = 401 "INVALID_CREDENTIALS",
        "wrong name or password, or an inactive account: one answer, in the same time", "ask for the password again";
    SECOND_FACTOR_REQUIRED = 401 "SECOND_FACTOR_REQUIRED",
        "the password or one-time code was right, and the account has a second factor; `data` has the challenge",
        "ask for the second factor and send it to `POST /auth/login/second-factor`";
    INVALID_SECOND_FACTOR = 401 "INVALID_SECOND_FACTOR",
        "the code of the second factor is wrong or used, or the challenge has expired or has no attempts left",
        "ask for the code again; after five attempts or five minutes log in again";
    INVALID_OTP = 401 "INVALID_OTP", "the code is wrong, used, expired or unknown", "ask for the code again, or request a new one";
    INVALID_TOKEN = 401 "INVALID_TOKEN", "not a token of this server, of the wrong type, or altered",
        "forget both tokens, log in";
    TOKEN_EXPIRED = 401 "TOKEN_EXPIRED", "expired, or issued before the account's role changed",
        "refresh and repeat the request; if the refresh token has expired, log in";
    TOKEN_BLACKLISTED = 401 "TOKEN_BLACKLISTED",
        "this refresh token was revoked, or was used before from another address and program", "forget both tokens, log in";
    TOKEN_REUSED = 401 "TOKEN_REUSED", "a used refresh token was presented again; its session has ended",
        "forget both tokens, log in";
    SESSION_REVOKED = 401 "SESSION_REVOKED", "the session has ended", "forget both tokens, log in";
    USER_INACTIVE = 401 "USER_INACTIVE", "the token's account is inactive", "forget both tokens; an administrator can help";
    TOKEN_USER_NOT_FOUND = 401 "USER_NOT_FOUND", "the token's account was deleted", "forget both tokens";
    FORBIDDEN = 403 "FORBIDDEN", "not allowed for this account, or a cookie sent by a page of another origin",
        "do not repeat the request";
    SECOND_FACTOR_SETUP_REQUIRED = 403 "SECOND_FACTOR_SETUP_REQUIRED",
        "the password was right, but the account must set up a second factor; `data` has the challenge",
        "set one up at `POST /auth/login/second-factor/totp` or `/auth/login/second-factor/passkeys`";
    REAUTHENTICATION_REQUIRED = 403 "REAUTHENTICATION_REQUIRED",
        "the last proof of the session's owner is older than five minutes; `data.methods` has how to prove it",
        "send the proof to `POST /auth/reauthenticate` and repeat the request";
    CURRENT_PASSWORD_REQUIRED = 403 "CURRENT_PASSWORD_REQUIRED", "the change needs `current_password`",
        "ask for the caller's password and repeat the request with it";
    NOT_FOUND = 404 "NOT_FOUND", "no such path, status list or object of the admin API, or no such session or passkey of the caller", "do not repeat the request";
    OTP_DISABLED = 404 "OTP_DISABLED", "one-time codes are turned off (`otp.delivery`)", "log in by password";
    PASSKEYS_UNAVAILABLE = 404 "PASSKEYS_UNAVAILABLE",
        "passkeys need a `server.public_url` with a host name, over https or at `localhost`", "use another second factor";
    SELF_SERVICE_DISABLED = 404 "SELF_SERVICE_DISABLED",
        "the server sends no mail, or has no address for links (`smtp.host`, `server.public_url`)", "ask an administrator";
    NO_ISSUER = 404 "NO_ISSUER", "neither `server.public_url` nor `tokens.issuer` is the address of this server",
        "ask the operator to set one of them";
    SECOND_FACTOR_NOT_FOUND = 404 "SECOND_FACTOR_NOT_FOUND", "the account has no second factor, or did not begin to set one up",
        "read the list again";
    USER_NOT_FOUND = 404 "USER_NOT_FOUND", "no such internal user", "read the list again";
    CLIENT_NOT_FOUND = 404 "CLIENT_NOT_FOUND", "no such client", "read the list again";
    METHOD_NOT_ALLOWED = 405 "METHOD_NOT_ALLOWED", "the path exists, but not with this method",
        "use one of the methods in `Allow`";
    ALREADY_EXISTS = 409 "ALREADY_EXISTS", "another account has this e-mail address, username or external id; `errors` names the field",
        "choose another value";
    SECOND_FACTOR_EXISTS = 409 "SECOND_FACTOR_EXISTS", "the account has this second factor already", "remove it first";
    KEY_REFUSED = 409 "KEY_REFUSED", "the signing key cannot be changed in this way; `message` says why",
        "read the list again";
    IDEMPOTENCY_KEY_IN_USE = 409 "IDEMPOTENCY_KEY_IN_USE", "a request with this `Idempotency-Key` is still running",
        "repeat the request later";
    PAYLOAD_TOO_LARGE = 413 "PAYLOAD_TOO_LARGE", "the body is larger than 64 KiB, or 1 MiB for many accounts", "send less";
    UNSUPPORTED_MEDIA_TYPE = 415 "UNSUPPORTED_MEDIA_TYPE", "the body is neither JSON nor a form", "set `Content-Type`";
    IDEMPOTENCY_KEY_REUSED = 422 "IDEMPOTENCY_KEY_REUSED", "this `Idempotency-Key` was sent with another request",
        "send another key";
    RATE_LIMITED = 429 "RATE_LIMITED", "too many attempts", "repeat the request after `Retry-After` seconds";
    INTERNAL_ERROR = 500 "INTERNAL_ERROR", "a bug; the log has the details under the request's id",
        "keep the tokens, report the request's id";
    OVERLOADED = 503 "OVERLOADED", "a queue is full, or the request took too long",
        "keep the tokens, repeat the request after `Retry-After` seconds";
    UNAVAILABLE = 503 "UNAVAILABLE", "the database cannot be reached",
        "keep the tokens, repeat the request after `Retry-After` seconds";
}
