//! The log of a whole run, at its finest level: one line per request, and nothing in it that opens a door.

use std::{collections::BTreeMap, io};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    client::{Answer, Client, Pair},
    database::Database,
    place::{PASSWORD, Place},
    receiver::Receiver,
    server::Server,
};

const WRONG: &str = "wrong-battery-horse-staple";
const NEW: &str = "new passphrase, 새로운 암호";
const DATABASE_PASSWORD: &str = "the-databases-own-password";
const WEBHOOK_SECRET: &str = "the-webhooks-own-secret-of-the-tests";

/// Somebody who does everything once, and remembers what must not be logged.
struct Run {
    client: Client,
    secrets: Vec<String>,
    /// Method, route and status by request id.
    sent: BTreeMap<String, (String, String, u16)>,
}

impl Run {
    fn secret(&mut self, text: &str) {
        self.secrets.push(text.to_owned());
    }

    fn token(&mut self, token: &str) {
        self.secret(token);
        for part in token.split('.').skip(1) {
            self.secret(part);
        }
    }

    /// Sends a request under an id of its own; its line in the log must name this route.
    fn call(
        &mut self,
        method: &str,
        (route, target): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let id = format!("request-{:04}", self.sent.len());
        let headers = [headers, &[("X-Request-Id", id.as_str())]].concat();
        self.client.send(method, target, &headers, body).unwrap();
        let answer = self.client.receive().unwrap();
        // A method of the caller's own invention is not repeated.
        let method = if method == WRONG { "-" } else { method };
        let line = (method.to_owned(), route.to_owned(), answer.status);
        self.sent.insert(id, line);
        for name in ["access", "refresh"] {
            if let Some(token) = answer.body["data"][name].as_str() {
                let token = token.to_owned();
                self.token(&token);
            }
        }
        answer
    }

    fn post(&mut self, path: &str, access: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {access}");
        let json = ("Content-Type", "application/json");
        let headers = [json, ("Authorization", bearer.as_str())];
        let headers = if access.is_empty() {
            &headers[..1]
        } else {
            &headers
        };
        self.call("POST", (path, path), headers, &body.to_string())
    }

    fn on(&mut self, method: &str, route: (&str, &str), access: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {access}");
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", &bearer),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.call(method, route, &headers, &body)
    }

    fn log_in(&mut self, username: &str, password: &str, user_type: &str) -> Answer {
        let body = json!({"username": username, "password": password, "user_type": user_type});
        self.post("/auth/login", "", &body)
    }
}

#[test]
fn a_whole_run_logs_one_line_per_request_and_no_secret() {
    let receiver = Receiver::start();
    let place = Place::new()
        .with("MUNJIGI_LOG__LEVEL", "trace")
        .with("MUNJIGI_OTP__DELIVERY", "webhook")
        // Long enough not to stand in the log by chance.
        .with("MUNJIGI_OTP__LENGTH", "10")
        .with("MUNJIGI_WEBHOOK__URL", &receiver.url)
        .with("MUNJIGI_WEBHOOK__SECRET", WEBHOOK_SECRET)
        .with("RUST_LOG", "trace")
        .with("RUST_BACKTRACE", "1");
    // The server of the tests asks for no password, and takes any.
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
    let mut run = Run {
        client: server.client(),
        secrets: [PASSWORD, WRONG, NEW, WEBHOOK_SECRET, DATABASE_PASSWORD]
            .map(str::to_owned)
            .to_vec(),
        sent: BTreeMap::new(),
    };
    let key = place.signing_key();
    run.secret(key.trim());

    log_in_and_out(&mut run);
    one_time_codes(&mut run, &receiver);
    people(&mut run);
    odd_places(&mut run);
    broken_heads(&mut run, &server);

    hashes.extend(self::hashes(&place));
    run.secrets.extend(hashes);
    let ended = server.stop();
    let printed = format!("{}{}", ended.stdout, ended.stderr);
    assert!(run.secrets.len() > 60, "{}", run.secrets.len());
    for secret in &run.secrets {
        assert!(secret.len() >= 8, "{secret} may stand there by chance");
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

/// What is stored in the place of passwords and codes.
fn hashes(place: &Place) -> Vec<String> {
    let mut hashes = place
        .database
        .texts("password_hash", "users WHERE password_hash IS NOT NULL");
    hashes.extend(place.database.texts(
        "password_hash",
        "client_users WHERE password_hash IS NOT NULL",
    ));
    hashes.extend(place.database.texts("code_hash", "otp_challenges"));
    // Salt and digest by themselves, too.
    let parts: Vec<String> = hashes
        .iter()
        .flat_map(|hash| hash.split('$').skip(3).map(str::to_owned))
        .collect();
    hashes.extend(parts);
    hashes
}

fn log_in_and_out(run: &mut Run) {
    let pair = Pair::of(&run.log_in("staff@example.org", PASSWORD, "user"));
    for (username, password, user_type) in [
        ("staff@example.org", WRONG, "user"),
        ("nobody@example.org", PASSWORD, "user"),
        ("acme", WRONG, "client"),
        ("staff@example.org", PASSWORD, "king"),
    ] {
        let status = run.log_in(username, password, user_type).status;
        assert!([400, 401].contains(&status), "{status}");
    }
    assert_eq!(
        run.post("/auth/verify", "", &json!({"token": pair.access}))
            .status,
        200
    );
    let next = Pair::of(&run.post("/auth/refresh", "", &json!({"refresh": pair.refresh})));
    assert_eq!(
        run.post("/auth/refresh", "", &json!({"refresh": pair.refresh}))
            .status,
        401
    );
    assert_eq!(
        run.post("/auth/refresh", "", &json!({"refresh": next.access}))
            .status,
        401
    );
    assert_eq!(
        run.post("/auth/verify", "", &json!({"token": pair.refresh}))
            .status,
        401
    );
    assert_eq!(
        run.post(
            "/auth/logout",
            &next.access,
            &json!({"refresh": next.access})
        )
        .status,
        400
    );
    assert_eq!(
        run.post("/auth/logout", &next.access, &json!({})).status,
        400
    );
    let other = Pair::of(&run.log_in("acme", PASSWORD, "client"));
    assert_eq!(
        run.post(
            "/auth/logout",
            &next.access,
            &json!({"refresh": other.refresh})
        )
        .status,
        403
    );
    assert_eq!(
        run.post(
            "/auth/logout",
            &next.access,
            &json!({"refresh": next.refresh})
        )
        .status,
        200
    );
    assert_eq!(
        run.on("GET", ("/api/me", "/api/me"), &next.access, &Value::Null)
            .status,
        401
    );
    assert_eq!(
        run.post("/auth/logout-all", &other.access, &json!({}))
            .status,
        200
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(run.call("GET", (path, path), &[], "").status, 200);
    }
}

fn one_time_codes(run: &mut Run, receiver: &Receiver) {
    let path = "/clients/otp/request";
    let asked = run.post(path, "", &json!({"username": "acme"}));
    assert_eq!(asked.status, 200);
    assert_eq!(run.post(path, "", &json!({"username": "acme"})).status, 429);
    assert_eq!(
        run.post(path, "", &json!({"username": "nobody"})).status,
        200
    );
    let challenge = asked.body["data"]["challenge_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let code = receiver.code(&challenge);
    run.secret(&code);
    let path = "/clients/otp/verify";
    for (code, status) in [("9876543210", 401), (&code, 200), (&code, 401)] {
        let body = json!({"challenge_id": challenge, "code": code});
        assert_eq!(run.post(path, "", &body).status, status);
    }
    run.secret("9876543210");
    let number = code.parse::<u64>().unwrap();
    run.post(
        path,
        "",
        &json!({"challenge_id": challenge, "code": number}),
    );
    run.post(path, "", &json!({"challenge_id": code, "code": challenge}));
}

fn people(run: &mut Run) {
    let admin = Pair::of(&run.log_in("admin@example.org", PASSWORD, "user")).access;
    let staff = Pair::of(&run.log_in("staff@example.org", PASSWORD, "user")).access;
    for (noun, new) in [
        (
            "users",
            json!({"email": "new@example.org", "name": "New", "role": "staff", "password": NEW}),
        ),
        (
            "clients",
            json!({"username": "new", "name": "New", "email": "new@acme.example", "password": NEW}),
        ),
    ] {
        let path = format!("/api/{noun}");
        let route = format!("/api/{noun}/{{user_seq}}");
        let all = (path.as_str(), path.as_str());
        let made = run.on("POST", all, &admin, &new);
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(run.on("POST", all, &admin, &new).status, 409);
        assert_eq!(run.on("POST", all, &staff, &new).status, 403);
        let short = json!({"email": "x@example.org", "username": "x", "name": "X", "password": WRONG, "pasword": WRONG});
        assert_eq!(run.on("POST", all, &admin, &short).status, 400);
        let one = format!("{path}/{}", made.body["data"]["user_seq"]);
        let one = (route.as_str(), one.as_str());
        assert_eq!(run.on("GET", one, &staff, &Value::Null).status, 200);
        assert_eq!(
            run.on("PATCH", one, &admin, &json!({"password": WRONG}))
                .status,
            200
        );
        assert_eq!(
            run.on(
                "PATCH",
                one,
                &admin,
                &json!({"password": 17, "name": [PASSWORD]})
            )
            .status,
            400
        );
        assert_eq!(run.on("DELETE", one, &staff, &Value::Null).status, 403);
        assert_eq!(run.on("DELETE", one, &admin, &Value::Null).status, 200);
        assert_eq!(run.on("GET", one, &admin, &Value::Null).status, 404);
        let search = format!("{path}?search={WRONG}&page_size=many&access_token={admin}");
        run.on("GET", (&path, &search), &admin, &Value::Null);
        assert_eq!(run.on("PUT", all, &admin, &Value::Null).status, 405);
    }
}

/// Secrets where nobody expects them.
fn odd_places(run: &mut Run) {
    let pair = Pair::of(&run.log_in("admin@example.org", PASSWORD, "user"));
    let (access, refresh) = (&pair.access, &pair.refresh);
    let json = ("Content-Type", "application/json");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let login = ("/auth/login", "/auth/login");
    let me = ("/api/me", "/api/me");
    let one = ("/api/users/{user_seq}", &*format!("/api/users/{access}"));
    run.call(
        "GET",
        one,
        &[("Authorization", &format!("Bearer {access}"))],
        "",
    );
    run.call("GET", ("-", &format!("/{access}")), &[], "");
    run.call("GET", ("-", &format!("/auth/{refresh}/{WRONG}")), &[], "");
    run.call(
        "POST",
        ("/auth/login", &format!("/auth/login?password={WRONG}")),
        &[json],
        "{}",
    );
    run.call(WRONG, me, &[], "");
    let basic = BASE64_STANDARD.encode(format!("admin@example.org:{WRONG}"));
    run.secret(&basic);
    for value in [
        format!("Basic {basic}"),
        format!("bearer {WRONG}"),
        format!("Bearer {access}{WRONG}"),
        format!("Bearer {access} {refresh}"),
        format!("{WRONG} {access}"),
        access.clone(),
        format!("Bearer {refresh}"),
    ] {
        run.call("GET", me, &[("Authorization", &value)], "");
    }
    for name in [
        "User-Agent",
        "Accept-Language",
        "Cookie",
        "Referer",
        "X-Forwarded-For",
        "Origin",
        "Accept",
        WRONG,
    ] {
        let body = json!({"username": "admin@example.org", "password": PASSWORD}).to_string();
        run.call("POST", login, &[json, (name, access)], &body);
    }
    // An id with a secret in it that is none of ours to echo: it has a dot.
    run.client.headers = vec![("X-Request-Id".into(), access.clone())];
    run.client.send("GET", "/healthz", &[], "").unwrap();
    assert_eq!(run.client.receive().unwrap().status, 200);
    run.client.headers.clear();
    let long = format!("{{\"password\": \"{}\"}}", WRONG.repeat(5000));
    for body in [
        format!("{{\"username\": \"admin@example.org\", \"password\": \"{WRONG}"),
        format!("{{\"{WRONG}\": 1}}"),
        format!("[\"{WRONG}\"]"),
        format!("\"{WRONG}\""),
        format!("{{\"username\": [\"{WRONG}\"], \"password\": {{\"{WRONG}\": \"{access}\"}}}}"),
        format!("{{\"password\": \"{WRONG}\", \"password\": \"{PASSWORD}\"}}"),
        format!("{{\"username\": \"x\", \"password\": \"{WRONG}\\u0000\"}}"),
        format!("{{\"username\": \"x\", \"password\": \"{WRONG}\\ud800\"}}"),
        format!("{{\"username\": \"x\", \"password\": \"x\", \"user_type\": \"{WRONG}\"}}"),
        format!("{}{WRONG}", "[".repeat(500)),
        long,
    ] {
        let answer = run.call("POST", login, &[json], &body);
        assert!((400..500).contains(&answer.status), "{answer:?}");
        run.call("POST", ("/auth/refresh", "/auth/refresh"), &[json], &body);
    }
    run.call(
        "POST",
        login,
        &[form],
        &format!("username=x&password={WRONG}&%ff={WRONG}"),
    );
    run.call("POST", login, &[("Content-Type", WRONG)], WRONG);
    run.call("POST", login, &[], &format!("password={WRONG}"));
}

/// Requests that are none: they have no line, and must not be quoted in one.
fn broken_heads(run: &mut Run, server: &Server) {
    let token = &run.secrets[5..]
        .iter()
        .find(|secret| secret.contains('.'))
        .unwrap()
        .clone();
    for bytes in [
        format!("GET /api/me?access_token={token} HTTP/9.9\r\n\r\n"),
        format!("{WRONG} {token}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nAuthorization\u{7f}: Bearer {token}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: {WRONG}\r\n\r\n{token}"),
        format!("GET /{}{token} HTTP/1.1\r\n\r\n", WRONG.repeat(10_000)),
    ] {
        let mut client = server.client();
        let sent: io::Result<()> = client.raw(bytes.as_bytes());
        // It may close the connection before it has read all.
        if sent.is_ok()
            && let Ok(answer) = client.receive()
        {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
}

/// Each line is JSON, and each request has one of its own with all that belongs there.
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
fn the_console_shows_a_code_in_the_one_line_it_exists_for() {
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
fn a_log_for_people_has_one_line_per_request_too() {
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
    // To no terminal: no colours. And what was typed makes no line of its own.
    assert!(!log.contains('\u{1b}') && !log.contains(WRONG), "{log}");
    assert_eq!(log.matches("INFO request").count(), 1, "{log}");
}
