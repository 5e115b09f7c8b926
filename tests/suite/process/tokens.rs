//! `munjigi tokens`: inspection of a token, and the flush.

use jsonwebtoken::{EncodingKey, Header, encode};
use munjigi::tokens::unverified_parts;
use serde_json::{Map, Value, json};

use super::{
    client::Pair,
    place::{Finished, Place, SIGNING_KEY},
};

fn forged(claims: &Map<String, Value>, key: &[u8]) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(key)).unwrap()
}

fn claims(token: &str) -> Map<String, Value> {
    unverified_parts(token).unwrap().1
}

#[test]
fn inspect_prints_the_contents_of_a_token_and_whether_it_would_be_accepted() {
    let place = Place::new().with_signing_key();
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let mut client = server.client();
    let pair = client.session("staff@example.org");
    let used = pair.clone();
    let pair = Pair::of(&client.refresh(&pair.refresh));
    let key = SIGNING_KEY.as_bytes();

    let inspect = |token: &str| -> Finished { place.run_with_input(&["tokens", "inspect"], token) };
    for (token, typ) in [(&pair.access, "at+jwt"), (&pair.refresh, "JWT")] {
        let seen = inspect(&format!("  {token}\n"));
        assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{seen:?}");
        assert!(
            seen.stdout
                .ends_with("accepted: it would be accepted now\n"),
            "{seen:?}"
        );
        // Times are printed readably, the signature is not printed.
        assert!(
            seen.stdout.contains("user:1") && seen.stdout.contains("+00:00"),
            "{seen:?}"
        );
        let signature = token.rsplit_once('.').unwrap().1;
        assert!(!seen.stdout.contains(signature));
        let json = place.json(&["tokens", "inspect"], token);
        assert_eq!(json["accepted"], true);
        assert_eq!(json["claims"], Value::Object(claims(token)));
        assert_eq!(json["header"]["typ"], typ);
    }

    let mut old = claims(&pair.access);
    old.insert("exp".into(), json!(1_700_000_000));
    old.insert("iat".into(), json!(1_699_999_000));
    let mut unknown = claims(&pair.access);
    unknown.insert("user_seq".into(), json!(4711));
    unknown.insert("sub".into(), json!("user:4711"));
    for (token, reason) in [
        (forged(&old, key), "expired"),
        (
            forged(
                &claims(&pair.access),
                b"another key that is quite long enough",
            ),
            "",
        ),
        (forged(&unknown, key), "does not exist"),
        (used.refresh.clone(), "blacklisted"),
        ("garbage".to_owned(), ""),
        ("a.b.c".to_owned(), ""),
        ("\u{1b}[31mred".to_owned(), ""),
        ("한글.한글.한글".to_owned(), ""),
        ("x".repeat(100_000), ""),
    ] {
        let seen = inspect(&token);
        assert_eq!((seen.code, seen.stderr.as_str()), (Some(1), ""), "{seen:?}");
        let last = seen.stdout.lines().last().unwrap();
        assert!(
            last.starts_with("refused: ") && last.contains(reason),
            "{reason}: {seen:?}"
        );
        let json = place.run_with_input(&["tokens", "inspect", "--json"], &token);
        assert_eq!(json.code, Some(1), "{json:?}");
        let json: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(json["accepted"], false);
    }

    // Control characters of an unverified token are escaped.
    let mut red = claims(&pair.access);
    red.insert(
        "\u{1b}[31mred".into(),
        json!("\u{1b}[31m \u{9b}31m \u{202e}"),
    );
    let seen = inspect(&forged(&red, key));
    assert!(
        !seen.stdout.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
        "{seen:?}"
    );

    client.try_log_out(&pair).unwrap();
    for token in [&pair.access, &pair.refresh] {
        assert_eq!(inspect(token).code, Some(1));
    }
    server.stop();
}

#[test]
fn the_flush_deletes_expired_rows_and_nothing_else() {
    let place = Place::new();
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let mut client = server.client();
    let pair = client.session("staff@example.org");
    let next = Pair::of(&client.refresh(&pair.refresh));
    let long_ago = "'2020-01-01 00:00:00'";
    for number in 0..3 {
        place.database.execute(&format!(
            "INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) \
             VALUES ('old-{number}', 'old', 'user', 1, {long_ago}, {long_ago})"
        ));
    }
    place.database.execute(&format!(
        "INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at) \
         VALUES ('old', 'old', 'user', 1, 'logout', {long_ago}, {long_ago})"
    ));
    place.database.execute(&format!(
        "INSERT INTO otp_challenges (id, user_seq, requested_by, code_hash, attempts, created_at, expires_at) \
         VALUES ('old', 1, '-', '-', 0, {long_ago}, {long_ago})"
    ));
    let count = |table: &str| place.database.texts("'x'", table).len();
    let tables = [
        "outstanding_tokens",
        "blacklisted_tokens",
        "otp_challenges",
        "rate_limits",
        "sessions",
    ];
    let before: Vec<usize> = tables.iter().map(|table| count(table)).collect();

    let expected = json!({
        "outstanding_tokens": 3, "blacklisted_tokens": 1, "otp_challenges": 1, "rate_limits": 0, "sessions": 0
    });
    assert_eq!(place.json(&["tokens", "flush", "--dry-run"], ""), expected);
    let printed = place.done(&["tokens", "flush", "--dry-run"], "");
    assert!(
        printed.contains("         3  outstanding tokens\n"),
        "{printed}"
    );
    assert!(
        printed.ends_with("         5  expired rows would be deleted\n"),
        "{printed}"
    );
    assert_eq!(
        tables.iter().map(|table| count(table)).collect::<Vec<_>>(),
        before
    );

    assert_eq!(place.json(&["tokens", "flush"], ""), expected);
    let printed = place.done(&["tokens", "flush"], "");
    assert!(
        printed.ends_with(&format!(
            "         0  expired rows deleted ({})\n",
            place.database_name()
        )),
        "{printed}"
    );
    assert_eq!(count("outstanding_tokens"), before[0] - 3);
    // Rows that have not expired are still there: a retry gets the successor, which is accepted.
    let retry = Pair::of(&client.refresh(&pair.refresh));
    assert_eq!(retry.refresh, next.refresh);
    assert_eq!(client.refresh(&next.refresh).status, 200);
    server.stop();
}

#[test]
fn a_second_flush_is_refused_with_details_of_the_first() {
    let place = Place::new();
    place.done(&["migrate"], "");
    place.database.execute(
        "INSERT INTO jobs (id, kind, state, started_by, total, done, stop_requested, details, started_at, heartbeat_at) \
         VALUES ('019c5c21cfae75398599482602dc26db', 'flush', 'running', 'ann@example.org', 9, 4, FALSE, '{}', '2998-01-02 03:04:05', '2999-01-01 00:00:00')",
    );
    let refused = place.run(&["tokens", "flush"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for part in [
        "another flush is running",
        "ann@example.org",
        "2998-01-02T03:04:05+00:00",
        "4 of 9",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {refused:?}");
    }
    // Its process has died: no heartbeat for a minute.
    place
        .database
        .execute("UPDATE jobs SET heartbeat_at = '2026-01-02 03:04:05'");
    place.done(&["tokens", "flush"], "");
    let mut states = place.database.texts("state", "jobs");
    states.sort();
    assert_eq!(states, ["done", "failed"]);
    let actions = place
        .database
        .texts("action || ' ' || source", "audit_events");
    assert_eq!(
        actions,
        ["flush_failed server", "flush_started command_line"]
    );
}

#[test]
fn a_token_of_a_service_is_inspected() {
    let place = Place::new().with_signing_key();
    place.migrate();
    place.done(&["service", "create", "billing"], "");
    let claims = json!({
        "token_type": "access", "user_type": "service", "user_seq": 1, "sub": "service:1", "client_id": "billing",
        "jti": "019c5c21cfae70dca2e2adad97cfb732", "iat": 1_700_000_000, "exp": 4_000_000_000_i64,
    });
    let token = forged(claims.as_object().unwrap(), SIGNING_KEY.as_bytes());
    let inspect = || place.run_with_input(&["tokens", "inspect"], &token);
    let seen = inspect();
    assert_eq!(seen.code, Some(0), "{seen:?}");
    assert!(seen.stdout.contains("billing"), "{seen:?}");
    place.done(&["service", "deactivate", "billing"], "");
    let seen = inspect();
    assert_eq!(seen.code, Some(1), "{seen:?}");
    assert!(
        seen.stdout.contains("refused: the token has expired"),
        "{seen:?}"
    );
}
