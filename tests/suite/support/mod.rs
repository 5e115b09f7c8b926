//! Test support: servers with a database, clients that call them, accounts, and forged tokens.
//!
//! # Writing a test
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_logged_out_refresh_token_is_rejected() {
//!     let app = App::start();
//!     let ann = app.user("ann").await;
//!     ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
//!     app.anonymous().refresh(&ann.refresh).await.assert(401, "TOKEN_BLACKLISTED");
//! }
//! ```
//!
//! ## Server
//!
//! [`App::start`] runs a real server in the test process, on a free port of 127.0.0.1, with a migrated database that
//! contains no accounts. Both are removed when the `App` is dropped. The settings are the defaults, except for a
//! master key ([`MASTER_KEY`]) and the first signing key ([`SIGNING_KEY`]), two workers and a small connection pool. bcrypt has cost 4, its minimum, so a hash
//! takes about a millisecond; the settings themselves allow no cost below 10, and a test that sets one gets it.
//!
//! - [`App::with`] changes the settings: `App::with(|config| config.limits.failures = 3)`. They must be valid.
//! - [`App::with_gateway`] delivers one-time codes by webhook; `app.codes(n)` waits for `n` codes and returns them.
//! - [`App::with_mail`] sends mail and has a public URL.
//! - [`App::another_instance`] starts a second server with the same database, data directory, settings and clock.
//! - [`App::restarted_with`] restarts the server with other settings and the same database and clock.
//!
//! All requests come from 127.0.0.1 and count against the limit of failures per address. A test with more than a
//! hundred failures sets `config.limits.failures_per_address = 0`.
//!
//! ## Clients
//!
//! - `app.anonymous()` is a [`Remote`]: requests without a token.
//! - `app.user("ann")` creates the internal user `ann@example.org` (role `staff`), logs in, and returns a [`Person`]:
//!   the tokens, and requests with the access token. `app.admin("root")` and `app.internal(name, role)` do the same
//!   for other roles, `app.client("acme")` for an external client. Each creates an account: use each name once.
//!   `ann.again()` logs in again, in another session. The password is [`password_of`] the name. The first account of
//!   each population has `user_seq` 1.
//! - `app.service("billing", "orders:read")` creates a service with these scopes, and returns a [`ServiceClient`].
//! - `app.webhook("hook")` creates an endpoint of webhooks that no event is sent to; `app.webhook_to(…)` one with an
//!   address and types of events.
//! - `app.make_user("ann", role)` and `app.make_client("acme")` create an account without a login.
//! - `app.browser()` is a [`Browser`] with a cookie jar, for the admin panel; `app.signed_in("root", Role::ADMIN)`
//!   creates an account and signs in. [`spa::Spa`] is a single-page app, which has its refresh token in a cookie.
//!
//! These clients check every response: never 500, security headers, and the envelope (API) or valid markup (admin
//! panel). `answer["field"]` is a field of `data`. A test of these rules themselves sends bytes with [`Remote::raw`].
//!
//! ## Clock
//!
//! The clock does not run: it stands at 2026-02-14T12:30:45.678901Z until `app.advance(…)` or `app.set_clock(…)`. The
//! database stores microseconds. The API, token claims and pages have whole seconds, so they contain 12:30:45: the
//! fraction is truncated, not rounded. Rows created without an `advance` between them have the same time. Network
//! timeouts, and the intervals of background tasks, use real time.
//!
//! ## What is in the database
//!
//! `app.user("ann")` leaves these rows; a test that counts rows must take them into account:
//!
//! - `users`: the account, with `last_login_at`.
//! - `sessions` and `outstanding_tokens`: the session and its refresh token. An access token has no row.
//! - `audit_events`: `account_created` (source `command_line`) and `logged_in` (source `api`), and a row in
//!   `audit_chain_links` for each.
//!
//! `app.signed_in(…)` leaves a row in `browser_sessions` in place of the session and token, and `signed_in` (source
//! `panel`) in place of `logged_in`. Every login also issues a device token, which is not stored: the API returns it
//! in the header `x-device-token`, which [`Person`] does not send; the admin panel sets the cookie `munjigi_device`,
//! which [`Browser`] does send. A failed login from a known device is counted separately from those of other devices.
//! A successful login clears the failures of its account or device.
//!
//! `app.execute(sql)` runs a statement and returns the number of affected rows; `app.number("SELECT … AS number")`
//! reads one integer. The SQL must be valid on SQLite and Postgres. `app.services()` gives access to the services and
//! the store.
//!
//! ## Databases and ignored tests
//!
//! Every test runs on SQLite and, with `TEST_DATABASE_URL`, on Postgres; `tests/run` does both. A test for one of them
//! has a name that ends in `only_on_sqlite` or `only_on_postgres`: `tests/run` selects by this suffix. [`on_postgres`]
//! returns which one is used. A test that a plain `cargo test` cannot run, because it needs Postgres, a Python
//! package, `diesel_cli` or another program, has `#[ignore = "tests/run"]`. `tests/run` installs what they need and
//! runs them too. Such a test fails, rather than passes, where its requirement is missing.
//!
//! ## Snapshots
//!
//! Whole responses are compared with inline snapshots (`insta::assert_json_snapshot!(…, @"…")`), in which ids and
//! tokens are replaced. Write `@""` in a new test, accept the result with `cargo insta review`, and read the diff like
//! any other code.

mod app;
pub mod authenticator;
mod browser;
mod database;
pub mod described;
mod forge;
pub mod headers;
pub mod held_session;
pub mod keys;
mod people;
mod random;
pub mod receiver;
mod remote;
mod routes;
mod service;
pub mod spa;
pub mod totp;
mod wait;
mod webhook;

pub use app::App;
pub use browser::{Browser, Page};
pub use database::{TestDatabase, on_postgres};
pub use forge::{Forgery, claims_of, header_of};
pub use people::{Person, password_of};
pub use random::Random;
pub use remote::{Answer, Call, Remote};
pub use routes::routes;
pub use service::ServiceClient;
pub use wait::{TIMEOUT, wait_until};

/// The master key of the tests.
pub const MASTER_KEY: &str = "for tests alone: a master key of more than 32 bytes";

/// The first signing key of the tests; long enough for every algorithm.
pub const SIGNING_KEY: &str = "for tests alone: 64 bytes that nobody would take for a real key.";
