//! The log of a whole run at level `trace`: one line per request, and no secret.

mod run;

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use self::run::{Run, WRONG};
use super::{
    database::Database,
    place::{Place, WEBHOOK_SECRET},
    receiver::Receiver,
};

const DATABASE_PASSWORD: &str = "the-databases-own-password";

#[test]
fn a_whole_run_logs_one_line_per_request_and_no_secret() {
    let receiver = Receiver::start();
    let place = Place::new()
        .with("MUNJIGI_LOG__LEVEL", "trace")
        .with_webhook(&receiver.url)
        // Long enough not to appear in the log by chance.
        .with("MUNJIGI_OTP__LENGTH", "10")
        .with("RUST_LOG", "trace")
        .with("RUST_BACKTRACE", "1");
    // The Postgres server of the tests accepts any password.
    let url = place.database.url();
    let place = match place.database {
        Database::Sqlite(_) => place,
        Database::Postgres { .. } => place.with(
            "DATABASE_URL",
            url.replace('@', &format!(":{DATABASE_PASSWORD}@")),
        ),
    };
    place.user("admin@example.org", "admin");
    place.user("staff@example.org", "staff");
    place.client("acme");
    let mut hashes = hashes(&place);
    let server = place.serve();
    let mut run = Run::new(server.client());
    run.secret(WEBHOOK_SECRET);
    run.secret(DATABASE_PASSWORD);
    run.secret(place.master_key().trim());
    run.everything(&receiver, &server);

    hashes.extend(self::hashes(&place));
    let sent = run.secrets.clone();
    run.secrets.extend(hashes);
    let ended = server.stop();
    assert_no_secret_is_stored(&place, &sent);
    let printed = format!("{}{}", ended.stdout, ended.stderr);
    assert!(run.secrets.len() > 60, "{}", run.secrets.len());
    for secret in &run.secrets {
        assert!(secret.len() >= 8, "{secret} may appear by chance");
        for form in [
            secret.clone(),
            BASE64_STANDARD.encode(secret),
            format!("{:?}", secret.as_bytes()),
        ] {
            let line = printed
                .lines()
                .find(|line| line.contains(form.trim_matches(['[', ']'])));
            assert!(line.is_none(), "{form} is in the log: {line:?}");
        }
    }
    assert!(!printed.contains("panicked"), "{printed}");
    one_line_each(&run, &ended.stdout);
}

/// No password, token or code of a whole run is in the database file, in whatever column. On Postgres the same rows are
/// written.
fn assert_no_secret_is_stored(place: &Place, secrets: &[String]) {
    let Database::Sqlite(file) = &place.database else {
        return;
    };
    let mut written = std::fs::read(file).unwrap();
    let mut log = file.clone().into_os_string();
    log.push("-wal");
    written.extend(std::fs::read(log).unwrap_or_default());
    let text = String::from_utf8_lossy(&written);
    assert!(text.contains("staff@example.org"), "the file is not read");
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in the database");
    }
}

#[test]
fn a_request_of_another_origin_is_logged_with_the_headers_and_the_setting() {
    let place = Place::new().with("MUNJIGI_TOKENS__TRANSPORT", "cookie");
    let server = place.serve();
    let origin = [
        ("Origin", "https://auth.example.org"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    for path in ["/auth/login", "/admin/login"] {
        let mut client = server.client();
        client
            .send("POST", path, &origin, "csrf=x&username=x")
            .unwrap();
        let refused = client.receive();
        assert!(refused.is_ok_and(|answer| answer.status == 403), "{path}");
    }
    let log = server.stop().stdout;
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines
        .filter(|line: &Value| line["level"] == "WARN")
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    for line in lines {
        assert_eq!(line["origin"], "https://auth.example.org", "{line}");
        assert_eq!(line["host"], "test", "{line}");
        let message = line["message"].as_str().unwrap();
        assert!(message.contains("set server.public_url"), "{line}");
    }
}

#[test]
fn no_refresh_token_of_a_cookie_is_in_the_log() {
    let place = Place::new()
        .with("MUNJIGI_LOG__LEVEL", "trace")
        .with("MUNJIGI_TOKENS__TRANSPORT", "cookie")
        .with("RUST_LOG", "trace");
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let mut client = server.client();
    let mut answer = client.log_in("staff@example.org", "user");
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let token = answer.refresh_cookie.unwrap();
        let cookie = format!("munjigi_refresh={token}");
        answer = client.post("/auth/refresh", &[("Cookie", &cookie)], &json!({}));
        tokens.push(token);
        tokens.extend(answer.body["data"]["access"].as_str().map(str::to_owned));
    }
    let ended = server.stop();
    let printed = format!("{}{}", ended.stdout, ended.stderr);
    assert!(printed.contains("/auth/refresh") && tokens.len() > 4);
    for token in tokens {
        // Not even its signature.
        let signature = token.rsplit('.').next().unwrap();
        assert!(!printed.contains(signature), "{signature}");
    }
}

/// The stored hashes of passwords and codes.
fn hashes(place: &Place) -> Vec<String> {
    let mut hashes = place
        .database
        .texts("password_hash", "users WHERE password_hash IS NOT NULL");
    hashes.extend(place.database.texts(
        "password_hash",
        "client_users WHERE password_hash IS NOT NULL",
    ));
    hashes.extend(place.database.texts("code_hash", "otp_challenges"));
    // Salt and digest separately, too.
    let parts: Vec<String> = hashes
        .iter()
        .flat_map(|hash| hash.split('$').skip(3).map(str::to_owned))
        .collect();
    hashes.extend(parts);
    hashes
}

/// Every line is JSON, and every request has exactly one line with all its fields.
fn one_line_each(run: &Run, log: &str) {
    let mut lines: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in log.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if line["target"] == "munjigi::request" {
            let id = line["request_id"].as_str().unwrap().to_owned();
            lines.entry(id).or_default().push(line);
        }
    }
    for (id, (method, route, status)) in &run.sent {
        let [line] = &lines[id][..] else {
            panic!("{id}: {:?}", lines[id]);
        };
        assert_eq!(line["method"], *method, "{line}");
        assert_eq!(line["route"], *route, "{line}");
        assert_eq!(line["status"], *status, "{line}");
        assert!(line["micros"].is_u64(), "{line}");
        assert!(
            line["timestamp"].is_string() && line["level"] == "INFO",
            "{line}"
        );
    }
    let known = lines
        .values()
        .flatten()
        .filter(|line| line["user_type"].is_string());
    assert!(known.count() > 20);
}

#[test]
fn console_delivery_logs_a_code_in_one_line_only() {
    let place = Place::new().with("MUNJIGI_OTP__LENGTH", "10");
    place.client("acme");
    let server = place.serve();
    let mut client = server.client();
    let asked = client.post("/clients/otp/request", &[], &json!({"username": "acme"}));
    server.wait_for_log("one-time code");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("one-time code"));
    let line: Value = serde_json::from_str(line.unwrap()).unwrap();
    let code = line["code"].as_str().unwrap();
    let body = json!({"challenge_id": asked.body["data"]["challenge_id"], "code": code});
    let answer = client.post("/clients/otp/verify", &[], &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let ended = server.stop();
    assert_eq!(ended.stdout.matches(code).count(), 1, "{}", ended.stdout);
}

#[test]
fn forwarded_headers_of_a_peer_that_is_not_trusted_are_logged_once() {
    let place = Place::new();
    let server = place.serve();
    let mut client = server.client();
    for header in ["X-Forwarded-For", "Forwarded", "X-Forwarded-For"] {
        let body = json!({"username": "acme"});
        let value = [(header, "for=192.0.2.1")];
        client.post("/clients/otp/request", &value, &body);
    }
    let log = server.stop().stdout;
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("server.trusted_proxies"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(
        lines[0].contains("WARN") && lines[0].contains("127.0.0.1"),
        "{log}"
    );
}

#[test]
fn the_pretty_format_has_one_line_per_request() {
    let place = Place::new().with("MUNJIGI_LOG__FORMAT", "pretty");
    let server = place.serve();
    let id = [("X-Request-Id", "request-of-the-test")];
    let body = json!({"username": "staff@example.org\nINFO request", "password": WRONG});
    assert_eq!(server.client().post("/auth/login", &id, &body).status, 400);
    let log = server.stop().stdout;
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("request-of-the-test"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    for part in ["INFO", "POST", "/auth/login", "400"] {
        assert!(lines[0].contains(part), "{log}");
    }
    // Not a terminal, so no colours. A line break in the input does not begin a new line.
    assert!(!log.contains('\u{1b}') && !log.contains(WRONG), "{log}");
    assert_eq!(log.matches("INFO request").count(), 1, "{log}");
}
