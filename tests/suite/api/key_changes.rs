//! Changes of the signing keys in the database, on instances that run.

use std::time::Duration;

use munjigi::{
    config::{Algorithm, Span},
    domain::{audit::Actor, signing_key::KeyState},
    services::{
        Error,
        maintenance::flush::flush,
        signing_keys::{
            changes::{self, Revoked, lead},
            list::{KeyInfo, list},
            refusal::KeyRefusal,
            rotation::rotate,
        },
    },
};

use crate::support::{App, header_of, wait_until};

async fn until(holds: impl AsyncFn() -> bool) {
    wait_until("a change of the keys", async || holds().await.then_some(())).await;
}

async fn keys(app: &App) -> Vec<KeyInfo> {
    list(&app.services().store, app.clock.now()).await.unwrap()
}

async fn states(app: &App) -> Vec<(KeyState, i64)> {
    let keys = keys(app).await;
    keys.iter().map(|key| (key.state, key.sessions)).collect()
}

async fn generate(app: &App, algorithm: Algorithm) -> String {
    let (services, actor) = (app.services(), Actor::operator());
    changes::generate(services, &actor, algorithm)
        .await
        .unwrap()
}

async fn promote(app: &App, kid: &str, at_once: bool) -> Result<(), Error> {
    changes::promote(app.services(), &Actor::operator(), kid, at_once).await
}

async fn revoke(app: &App, kid: &str) -> Revoked {
    let (services, actor) = (app.services(), Actor::operator());
    changes::revoke(services, &actor, kid).await.unwrap()
}

fn signer(app: &App) -> String {
    app.services().tokens.key_id()
}

/// Waits until the instance publishes a public key.
async fn until_published(app: &App, kid: &str) {
    let tokens = &app.services().tokens;
    until(async || tokens.public_keys().to_string().contains(kid)).await;
}

async fn accepted(app: &App, access: &str) -> u16 {
    app.anonymous().get("/api/me").bearer(access).await.status
}

fn refusal(result: Result<(), Error>) -> KeyRefusal {
    match result {
        Err(Error::KeyRefused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_promoted_key_signs_on_every_instance_and_nobody_is_logged_out() {
    let app = App::with(|config| config.tokens.access_lifetime = Span::hours(2));
    let other = app.another_instance();
    let ann = app.user("ann").await;
    let old = signer(&app);
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        app.advance(Duration::from_secs(1));
        let kid = generate(&app, algorithm).await;
        until_published(&other, &kid).await;
        let from = app.clock.now() + lead(&app.services().config.tokens);
        assert_eq!(
            refusal(promote(&app, &kid, false).await),
            KeyRefusal::TooEarly(from)
        );
        app.advance(Duration::from_mins(17));
        promote(&app, &kid, false).await.unwrap();
        // This instance signs with it at once, the other one soon.
        assert_eq!(signer(&app), kid);
        until(async || signer(&other) == kid).await;
        assert_eq!(accepted(&other, &ann.access).await, 200);
        let ann = ann.again().await;
        let header = header_of(&ann.access);
        assert_eq!(header["kid"], kid);
        assert_eq!(header["alg"], algorithm.as_str());
        assert_eq!(accepted(&app, &ann.access).await, 200);
        let refreshed = other.anonymous().refresh(&ann.refresh).await;
        refreshed.assert(200, "REFRESHED");
        let again = refusal(promote(&app, &kid, true).await);
        assert_eq!(again, KeyRefusal::NotNext(KeyState::Active));
    }
    // The first session is refreshed with a token of the first key.
    let refreshed = other.anonymous().refresh(&ann.refresh).await;
    let refreshed = refreshed.assert(200, "REFRESHED");
    assert_ne!(header_of(&refreshed.text_of("refresh"))["kid"], old);
    let states = states(&app).await;
    let expected = [
        (KeyState::Retired, 0),
        (KeyState::Retired, 1),
        (KeyState::Active, 2),
    ];
    assert_eq!(states, expected);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_on_every_instance_and_its_sessions_end() {
    let app = App::start();
    let other = app.another_instance();
    let ann = app.user("ann").await;
    let first = signer(&app);
    let kid = generate(&app, Algorithm::EdDsa).await;
    until_published(&other, &kid).await;
    promote(&app, &kid, true).await.unwrap();
    until(async || signer(&other) == kid).await;
    let bob = app.user("bob").await;
    for app in [&app, &other] {
        assert_eq!(accepted(app, &ann.access).await, 200);
        assert_eq!(accepted(app, &bob.access).await, 200);
    }
    let revoked = revoke(&app, &first).await;
    assert_eq!((revoked.successor, revoked.sessions), (None, 1));
    assert!(!revoked.is_ending);
    until(async || accepted(&other, &ann.access).await == 401).await;
    for app in [&app, &other] {
        assert_eq!(accepted(app, &ann.access).await, 401);
        let refused = app.anonymous().refresh(&ann.refresh).await;
        refused.assert(401, "INVALID_TOKEN");
        assert_eq!(accepted(app, &bob.access).await, 200);
    }
    // The active key: another one is made.
    let revoked = revoke(&app, &kid).await;
    let successor = revoked.successor.unwrap();
    assert_eq!((signer(&app), revoked.sessions), (successor.clone(), 1));
    until(async || signer(&other) == successor).await;
    assert_eq!(accepted(&other, &bob.access).await, 401);
    assert_eq!(accepted(&other, &bob.again().await.access).await, 200);
    let again = changes::revoke(app.services(), &Actor::operator(), &kid).await;
    let again = refusal(again.map(|_| ()));
    assert_eq!(again, KeyRefusal::Already(KeyState::Revoked));
    let ended = app
        .number("SELECT COUNT(*) AS number FROM sessions WHERE end_reason = 'key_revoked'")
        .await;
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn a_retired_key_verifies_until_its_last_token_has_expired_and_is_deleted_then() {
    let app = App::start();
    let ann = app.user("ann").await;
    let first = signer(&app);
    let kid = generate(&app, Algorithm::Hs384).await;
    promote(&app, &kid, true).await.unwrap();
    let flushed = async || {
        let services = app.services();
        flush(
            &services.store,
            &services.clock,
            app.flush_rules(100),
            |_, _| (),
        )
        .await
        .unwrap();
        keys(&app).await.iter().any(|key| key.kid == first)
    };
    app.advance(Duration::from_hours(24 * 30) - Duration::from_secs(2));
    assert!(flushed().await, "the key was deleted too early");
    let refreshed = app.anonymous().refresh(&ann.refresh).await;
    refreshed.assert(200, "REFRESHED");
    app.advance(Duration::from_hours(1));
    assert!(!flushed().await, "the key was not deleted");
    let known: Vec<String> = keys(&app).await.into_iter().map(|key| key.kid).collect();
    assert_eq!(known, [kid]);
}

#[tokio::test]
async fn a_retired_key_is_kept_for_the_longest_lifetime_of_any_population() {
    let lifetime = Span::days(90);
    let app = App::with(|config| {
        config.tokens.session_lifetime = Span::days(365);
        config.client_tokens.refresh_lifetime = Some(lifetime);
    });
    let first = signer(&app);
    let kid = generate(&app, Algorithm::Hs384).await;
    promote(&app, &kid, true).await.unwrap();
    let keys = keys(&app).await;
    let retired = keys.iter().find(|key| key.kid == first).unwrap();
    let earliest = app.clock.now() + lifetime.get();
    assert!(retired.expires_at.unwrap() >= earliest, "{retired:?}");
}

#[tokio::test]
async fn a_key_that_was_to_sign_can_be_withdrawn_and_the_active_one_not() {
    let app = App::start();
    let kid = generate(&app, Algorithm::Es384).await;
    let actor = Actor::operator();
    let retire = async |kid: &str| changes::retire(app.services(), &actor, kid).await;
    assert_eq!(refusal(retire(&signer(&app)).await), KeyRefusal::Active);
    retire(&kid).await.unwrap();
    let again = refusal(retire(&kid).await);
    assert_eq!(again, KeyRefusal::Already(KeyState::Retired));
    let unknown = refusal(retire("unknown").await);
    assert_eq!(unknown, KeyRefusal::NotFound("unknown".to_owned()));
    assert_eq!(
        refusal(promote(&app, &kid, true).await),
        KeyRefusal::NotNext(KeyState::Retired)
    );
    let events = app
        .number("SELECT COUNT(*) AS number FROM audit_events WHERE action LIKE 'signing_key_%'")
        .await;
    assert_eq!(events, 2);
}

#[tokio::test]
async fn keys_from_files_are_not_changed_and_those_in_the_database_not_used() {
    let app = App::with(|config| {
        let file = config.server.data_dir.join("jwt.key");
        std::fs::write(&file, "a signing key in a file, of more than 32 bytes\n").unwrap();
        config.tokens.keys = vec![file];
    });
    let ann = app.user("ann").await;
    assert_eq!(accepted(&app, &ann.access).await, 200);
    assert_eq!(keys(&app).await.len(), 0);
    let generated = changes::generate(app.services(), &Actor::operator(), Algorithm::EdDsa).await;
    assert_eq!(refusal(generated.map(|_| ())), KeyRefusal::Files);
}

#[tokio::test]
async fn the_rotation_publishes_promotes_and_retires_in_time_and_once_for_all_instances() {
    let app = App::with(|config| {
        config.tokens.rotate_keys_every = Span::days(10);
        config.tokens.algorithm = Algorithm::EdDsa;
    });
    let other = app.another_instance();
    let ann = app.user("ann").await;
    let both = async || {
        let steps = futures_util::future::join(rotate(app.services()), rotate(other.services()));
        let (one, two) = steps.await;
        usize::from(one.unwrap()) + usize::from(two.unwrap())
    };
    assert_eq!(both().await, 0);
    app.advance(Duration::from_hours(24 * 10) - Duration::from_mins(16));
    assert_eq!(both().await, 1);
    assert_eq!(both().await, 0);
    let next = keys(&app).await.pop().unwrap();
    assert_eq!(next.state, KeyState::Next);
    until_published(&other, &next.kid).await;
    app.advance(Duration::from_mins(15));
    assert_eq!(both().await, 0, "not before services may have fetched it");
    app.advance(Duration::from_mins(1));
    assert_eq!(both().await, 1);
    assert_eq!(both().await, 0);
    until(async || signer(&other) == next.kid && signer(&app) == next.kid).await;
    let expected = [(KeyState::Retired, 1), (KeyState::Active, 0)];
    assert_eq!(states(&app).await, expected);
    let refreshed = other.anonymous().refresh(&ann.refresh).await;
    refreshed.assert(200, "REFRESHED");
}
