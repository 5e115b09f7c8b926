//! Tokens as Django signs them, and accounts as the import makes them.

use munjigi::config::{Config, Secret};
use serde_json::{Map, Value, json};

use crate::support::{Answer, App, Forgery, Person};

/// `SECRET_KEY` of Django.
pub(super) const DJANGO_KEY: &str = "django-insecure-a-key-of-the-tests";

/// A day in seconds.
pub(super) const DAY: i64 = 86_400;

/// Configures the key of Django.
pub(super) fn with_key(config: &mut Config) {
    config.django.secret_key = Some(Secret::new(DJANGO_KEY));
}

/// The time of the server in seconds.
pub(super) fn now(app: &App) -> i64 {
    app.clock.now().unix_seconds()
}

/// Marks an account as imported from Django.
pub(super) async fn import(app: &App, person: &Person) {
    let statement = format!(
        "INSERT INTO imported_accounts (user_type, user_seq, source, fields, imported_at) VALUES ('{}', {}, 'django:t', '{{}}', '2026-02-01 00:00:00')",
        person.user_type, person.seq
    );
    assert_eq!(app.execute(&statement).await, 1);
}

/// A user that was imported from Django.
pub(super) async fn imported_user(app: &App, name: &str) -> Person {
    let person = app.user(name).await;
    import(app, &person).await;
    person
}

/// Stores an id of a token as imported.
pub(super) async fn book(app: &App, person: &Person, jti: &str, is_blacklisted: bool) {
    let blacklisted_at = if is_blacklisted {
        "'2026-02-01 00:00:00'"
    } else {
        "NULL"
    };
    let statement = format!(
        "INSERT INTO django_tokens (jti, user_type, user_seq, expires_at, blacklisted_at) \
         VALUES ('{jti}', '{}', {}, '2026-03-01 00:00:00', {blacklisted_at})",
        person.user_type, person.seq
    );
    assert_eq!(app.execute(&statement).await, 1);
}

/// The 32 digits of a token's id.
pub(super) fn jti(digit: char) -> String {
    digit.to_string().repeat(32)
}

/// A token of Django, to be changed and signed.
pub(super) fn of_django(app: &App, token_type: &str, person: &Person, jti: &str) -> Forgery {
    let now = now(app);
    let mut claims = Map::new();
    for (name, value) in [
        ("token_type", json!(token_type)),
        ("exp", json!(now + 10 * DAY)),
        ("iat", json!(now - DAY)),
        ("jti", json!(jti)),
        ("user_id", json!(person.seq.to_string())),
    ] {
        claims.insert(name.to_owned(), value);
    }
    let mut forgery = Forgery::of(&person.access).key(DJANGO_KEY.as_bytes());
    forgery.header = Map::from_iter([
        ("alg".to_owned(), Value::from("HS256")),
        ("typ".to_owned(), Value::from("JWT")),
    ]);
    forgery.claims = claims;
    forgery
}

/// A refresh token of Django whose id was imported.
pub(super) async fn booked_refresh(app: &App, person: &Person, digit: char) -> String {
    book(app, person, &jti(digit), false).await;
    of_django(app, "refresh", person, &jti(digit)).token()
}

/// `GET /api/me` with an access token.
pub(super) async fn me(app: &App, token: &str) -> Answer {
    app.anonymous().get("/api/me").bearer(token).await
}
