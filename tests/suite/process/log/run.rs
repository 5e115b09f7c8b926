//! A client that uses the whole API, with failures and odd requests, and collects what must not be logged.

use std::{collections::BTreeMap, io};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::process::{
    client::{Answer, Client, Pair},
    place::PASSWORD,
    receiver::Receiver,
    server::Server,
};

pub const WRONG: &str = "wrong-battery-horse-staple";
pub const NEW: &str = "new passphrase, 새로운 암호";

/// Such a client.
pub struct Run {
    client: Client,
    /// What must not be in the log.
    pub secrets: Vec<String>,
    /// Method, route and status of each request, by its id.
    pub sent: BTreeMap<String, (String, String, u16)>,
}

impl Run {
    /// With no request sent yet.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            secrets: [PASSWORD, WRONG, NEW].map(str::to_owned).to_vec(),
            sent: BTreeMap::new(),
        }
    }

    /// Sends all requests.
    pub fn everything(&mut self, receiver: &Receiver, server: &Server) {
        log_in_and_out(self);
        one_time_codes(self, receiver);
        people(self);
        odd_places(self);
        broken_heads(self, server);
    }

    /// Adds a secret.
    pub fn secret(&mut self, text: &str) {
        self.secrets.push(text.to_owned());
    }

    fn token(&mut self, token: &str) {
        self.secret(token);
        for part in token.split('.').skip(1) {
            self.secret(part);
        }
    }

    /// Sends a request with its own id; its line in the log must have this route.
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
        // An unknown method is not logged.
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
        200
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
        let created = run.on("POST", all, &admin, &new);
        assert_eq!(created.status, 201, "{created:?}");
        assert_eq!(run.on("POST", all, &admin, &new).status, 409);
        assert_eq!(run.on("POST", all, &staff, &new).status, 403);
        let short = json!({"email": "x@example.org", "username": "x", "name": "X", "password": WRONG, "pasword": WRONG});
        assert_eq!(run.on("POST", all, &admin, &short).status, 400);
        let one = format!("{path}/{}", created.body["data"]["user_seq"]);
        let one = (route.as_str(), one.as_str());
        assert_eq!(run.on("GET", one, &staff, &Value::Null).status, 200);
        assert_eq!(
            run.on(
                "PATCH",
                one,
                &admin,
                &json!({"password": WRONG, "current_password": PASSWORD})
            )
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

/// Secrets in unexpected parts of a request.
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
    // An invalid request id, because of the dot, with a secret in it.
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

/// Malformed requests: they have no line of their own, and must not be quoted in one.
fn broken_heads(run: &mut Run, server: &Server) {
    let token = run
        .secrets
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
        // The server may close the connection before it has read everything.
        if sent.is_ok()
            && let Ok(answer) = client.receive()
        {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
}
