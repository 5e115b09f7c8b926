//! Sliding tokens: a refresh in Django leaves their rows as they are.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::super::place::Place;
use super::site::Site;
use crate::support::Forgery;

const SECRET: &str = "the-secret-key-of-the-django-site-with-more-than-32-bytes";

// 2020-01-01, 2020-01-02 and 2099-01-01.
const ISSUED: i64 = 1_577_836_800;
const FIRST: i64 = ISSUED + 86_400;
const LATER: i64 = 4_070_908_800;

fn token(token_type: &str, jti: char, exp: i64, refresh_exp: i64) -> String {
    let claims = json!({
        "token_type": token_type, "jti": String::from(jti).repeat(32), "user_id": "1", "iat": ISSUED, "exp": exp,
        "refresh_exp": refresh_exp,
    });
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!(
        "{}.{}.",
        part(json!({"alg": "HS256", "typ": "JWT"})),
        part(claims)
    );
    Forgery::of(&unsigned).key(SECRET.as_bytes()).token()
}

#[test]
fn a_sliding_token_that_django_refreshed_is_accepted_until_its_limit() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    let place = place
        .with("MUNJIGI_SIMPLEJWT__SLIDING", "true")
        .with("MUNJIGI_DJANGO__SECRET_KEY", SECRET);
    place.migrate();
    site.user(1, "ann", "ann@example.org");
    for (token_type, jti, expires_at, exp, refresh_exp) in [
        ("sliding", 'a', "2020-01-02 00:00:00", FIRST, LATER),
        ("sliding", 'b', "2020-01-02 00:00:00", FIRST, LATER),
        ("sliding", 'c', "2020-01-02 00:00:00", FIRST, FIRST),
        ("refresh", 'd', "2020-01-02 00:00:00", FIRST, LATER),
        ("refresh", 'e', "2099-01-01 00:00:00", LATER, LATER),
    ] {
        let id = String::from(jti).repeat(32);
        site.token(&id, "1", expires_at);
        site.database.execute(&format!(
            "UPDATE token_blacklist_outstandingtoken SET token = '{}' WHERE jti = '{id}'",
            token(token_type, jti, exp, refresh_exp)
        ));
    }
    site.blacklist(&"b".repeat(32));
    let report = place.json(&site.import(&mut url, &[]), "");
    let tokens = &report["tokens"];
    assert_eq!(
        (&tokens["read"], &tokens["live"]),
        (&json!(3), &json!(2)),
        "{report}"
    );
    assert_eq!(tokens["blacklisted"], 1, "{report}");
    let rows = place.database.texts(
        "substr(jti, 1, 1) || ' ' || substr(CAST(expires_at AS TEXT), 1, 10)",
        "django_tokens ORDER BY jti",
    );
    // A day later than the limit: a token that was refreshed at the limit.
    assert_eq!(rows, ["a 2099-01-02", "b 2099-01-02", "e 2099-01-01"]);

    let server = place.serve();
    let status = |jti| {
        let refreshed = token("sliding", jti, LATER, LATER);
        server.client().get("/api/me", &refreshed).status
    };
    assert_eq!((status('a'), status('b'), status('c')), (200, 401, 401));
    server.stop();
}
