//! Other implementations accept munjigi's tokens and hashes, and munjigi accepts their hashes. The scripts are in
//! `tests/python`.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    client::{Client, Pair},
    database::Database,
    place::{Place, SIGNING_KEY, finish},
    server::{Server, eventually},
    tools::{in_repository, python},
};

/// Runs a script that reads JSON from standard input and prints JSON.
fn ask(python: &Path, script: &str, question: &Value) -> Value {
    let mut command = Command::new(python);
    command
        .arg("-B")
        .arg(in_repository("tests/python").join(script));
    let finished = finish(command, &question.to_string());
    assert_eq!(finished.code, Some(0), "{script}: {}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// Tokens of each population, and refreshed ones.
fn tokens(place: &Place) -> Vec<(&'static str, Pair)> {
    place.user("auditor@example.org", "auditor");
    place.client("acme");
    let server = place.serve();
    let mut client = server.client();
    let user = Pair::of(&client.log_in("auditor@example.org", "user"));
    let external = Pair::of(&client.log_in("acme", "client"));
    let refreshed = Pair::of(&client.refresh(&user.refresh));
    server.stop();
    vec![("user", user), ("client", external), ("user", refreshed)]
}

#[test]
#[ignore = "tests/run"]
fn pyjwt_reads_the_tokens() {
    let python = python();
    for algorithm in ["HS256", "HS384", "HS512"] {
        let place = Place::new()
            .with_signing_key()
            .with("MUNJIGI_TOKENS__ALGORITHM", algorithm);
        for (user_type, pair) in tokens(&place) {
            let role = (user_type == "user").then_some("auditor");
            let email = (user_type == "user").then_some("auditor@example.org");
            let question = json!({
                "key": SIGNING_KEY, "algorithm": algorithm, "access": pair.access,
                "refresh": pair.refresh, "user_type": user_type, "user_seq": 1, "role": role, "email": email,
            });
            let answer = ask(&python, "pyjwt_reads.py", &question);
            assert_eq!(answer, json!({"read": ["access", "refresh"]}));
        }
    }
}

#[test]
#[ignore = "tests/run"]
fn pyjwt_checks_issuer_and_audience() {
    let python = python();
    let place = Place::new()
        .with_signing_key()
        .with("MUNJIGI_TOKENS__ISSUER", "https://auth.example.org")
        .with(
            "MUNJIGI_TOKENS__AUDIENCE",
            "api.example.org,app.example.org",
        );
    for (user_type, pair) in tokens(&place).into_iter().take(2) {
        let question = json!({
            "key": SIGNING_KEY, "algorithm": "HS256", "access": pair.access,
            "refresh": pair.refresh, "user_type": user_type, "user_seq": 1,
            "role": (user_type == "user").then_some("auditor"),
            "email": (user_type == "user").then_some("auditor@example.org"),
            "issuer": "https://auth.example.org", "audience": "app.example.org",
        });
        let answer = ask(&python, "pyjwt_reads.py", &question);
        assert_eq!(answer, json!({"read": ["access", "refresh"]}));
    }
}

#[test]
#[ignore = "tests/run"]
fn simplejwt_accepts_the_tokens() {
    let python = python();
    let place = Place::new().with_signing_key();
    let with_status = Place::new()
        .with_signing_key()
        .with("MUNJIGI_SERVER__PUBLIC_URL", "http://auth.example.org")
        .with("MUNJIGI_TOKENS__STATUS_LIST", "true");
    for (_, pair) in [place, with_status].iter().flat_map(tokens) {
        let question = json!({
            "key": SIGNING_KEY, "access": pair.access, "refresh": pair.refresh, "user_seq": 1,
        });
        let answer = ask(&python, "simplejwt_accepts.py", &question);
        assert_eq!(answer, simplejwt_accepts());
    }
}

fn simplejwt_accepts() -> Value {
    json!({
        "access": true, "refresh": true, "authentication": true, "swapped_refused": true,
        "tampered_refused": true, "other_key_refused": true
    })
}

/// Only the address of the key set is configured, as in a service that does not have the key.
#[test]
#[ignore = "tests/run"]
fn pyjwt_and_simplejwt_accept_the_tokens_by_the_public_keys_of_the_server() {
    let python = python();
    for algorithm in ["EdDSA", "ES256", "ES384", "RS256", "PS512"] {
        let place = Place::on_sqlite().with("MUNJIGI_TOKENS__ALGORITHM", algorithm);
        place.user("auditor@example.org", "auditor");
        let server = place.serve();
        let mut client = server.client();
        let pair = Pair::of(&client.log_in("auditor@example.org", "user"));
        let question = json!({
            "jwk_url": format!("http://{}/.well-known/jwks.json", server.address),
            "algorithm": algorithm, "access": pair.access, "refresh": pair.refresh,
            "user_type": "user", "user_seq": 1, "role": "auditor", "email": "auditor@example.org",
        });
        let answer = ask(&python, "pyjwt_reads.py", &question);
        assert_eq!(
            answer,
            json!({"read": ["access", "refresh"]}),
            "{algorithm}"
        );
        let answer = ask(&python, "simplejwt_accepts.py", &question);
        assert_eq!(answer, simplejwt_accepts(), "{algorithm}");
        server.stop();
    }
}

/// 60 characters of Hangul are 180 bytes; plain bcrypt reads 72.
fn korean(last: &str) -> String {
    let first: String = "동해물과백두산이마르고닳도록"
        .chars()
        .cycle()
        .take(59)
        .collect();
    format!("{first}{last}")
}

const EMAIL: &str = "staff@example.org";

fn log_in(client: &mut Client, password: &str) -> u16 {
    let body = json!({"username": EMAIL, "password": password});
    client.post("/auth/login", &[], &body).status
}

#[test]
#[ignore = "tests/run"]
fn passlib_and_munjigi_accept_the_hashes_of_each_other() {
    let python = python();
    let place = Place::on_sqlite();
    place.user(EMAIL, "staff");
    let Database::Sqlite(file) = &place.database else {
        unreachable!("it is on SQLite");
    };
    let passwords = [
        (
            "correct horse battery staple".to_owned(),
            "correct horse battery stapler".to_owned(),
        ),
        (
            "  outer spaces are kept  ".to_owned(),
            "outer spaces are kept".to_owned(),
        ),
        (korean("천"), korean("만")),
    ];
    assert!(passwords[2].0.chars().count() == 60);
    let set = ["user", "set-password", "--password-stdin", "--email", EMAIL];
    let server = place.serve();
    let mut client = server.client();
    for (right, wrong) in &passwords {
        place.done(&set, right);
        let question = json!({"database": file, "email": EMAIL, "right": right, "wrong": wrong});
        let answer = ask(&python, "passlib_confirms.py", &question);
        assert_eq!(answer["right"], true, "{answer}");
        assert_eq!(answer["wrong"], false, "{answer}");
        assert_eq!(answer["identified"], true, "{answer}");

        let passlib_hash = answer["made"].as_str().unwrap();
        place.database.execute(&format!(
            "UPDATE users SET password_hash = '{passlib_hash}' WHERE id = 1"
        ));
        assert_eq!(log_in(&mut client, right), 200);
        assert_eq!(log_in(&mut client, wrong), 401);
    }
    server.stop();
}

/// The issuer of the tokens that the service accepts.
const ISSUER: &str = "https://auth.example.org";

/// A service of `docs/verify`, killed when this value is dropped.
struct Service {
    process: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts a script that prints the port that it listens on.
    fn start(script: &str, server: &Server, credentials: &str) -> Self {
        let mut process = Command::new(python())
            .arg("-B")
            .arg(in_repository("docs/verify").join(script))
            .env("MUNJIGI_URL", format!("http://{}", server.address))
            .env("MUNJIGI_ISSUER", ISSUER)
            .env("MUNJIGI_CREDENTIALS", credentials)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut printed = BufReader::new(process.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening on ").unwrap();
        Self {
            process,
            address: ([127, 0, 0, 1], port.parse().unwrap()).into(),
        }
    }

    /// The status of its answer to a bearer.
    fn status(&self, token: &str) -> u16 {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        let mut client = Client::new(self.address);
        client.send("GET", "/", &headers, "").unwrap();
        client.receive().unwrap().status
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "tests/run"]
fn a_service_that_follows_the_revocations_refuses_a_token_soon_after_the_logout() {
    let place = Place::new()
        .with("MUNJIGI_TOKENS__ALGORITHM", "EdDSA")
        .with("MUNJIGI_TOKENS__ISSUER", ISSUER);
    place.user("ann@example.org", "staff");
    let created = place.json(&["service", "create", "checker"], "");
    let secret = created["secret"].as_str().unwrap();
    let server = place.serve();
    let mut client = server.client();
    let ann = Pair::of(&client.log_in("ann@example.org", "user"));
    let other = Pair::of(&client.log_in("ann@example.org", "user"));
    let credentials = BASE64_STANDARD.encode(format!("checker:{secret}"));
    let credentials = format!("Basic {credentials}");
    let service = Service::start("revocations.py", &server, &credentials);
    eventually(|| service.status(&ann.access) == 200);
    for refused in [&ann.refresh, &format!("{}x", ann.access), "x"] {
        assert_eq!(service.status(refused), 401);
    }
    let fields = json!({"grant_type": "client_credentials", "client_id": "checker", "client_secret": secret});
    let issued = client.post("/oauth/token", &[], &fields);
    let of_service = issued.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(service.status(&of_service), 200);
    let body = json!({"refresh": ann.refresh});
    let answer = client.post("/auth/logout", &[], &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let logged_out = Instant::now();
    eventually(|| service.status(&ann.access) == 401);
    // The bound is a second; a busy machine gets more.
    let took = logged_out.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(service.status(&other.access), 200);
    server.stop();
}

/// With the key of Django as a signing key: neither the settings of Django nor its views change.
#[test]
#[ignore = "tests/run"]
fn a_view_with_stock_simplejwt_accepts_the_tokens_of_users_and_no_others() {
    let python = python();
    for (id, token_type, jti) in [
        ("user_id", "token_type", "jti"),
        ("uid", "kind", "token_id"),
    ] {
        let place = Place::new()
            .with_signing_key()
            .with("MUNJIGI_SIMPLEJWT__USER_ID_CLAIM", id)
            .with("MUNJIGI_SIMPLEJWT__TOKEN_TYPE_CLAIM", token_type)
            .with("MUNJIGI_SIMPLEJWT__JTI_CLAIM", jti);
        let pairs = tokens(&place);
        let [(_, user), (_, client), (_, refreshed)] = pairs.as_slice() else {
            panic!("three pairs");
        };
        let question = json!({
            "key": SIGNING_KEY,
            "settings": {"USER_ID_CLAIM": id, "TOKEN_TYPE_CLAIM": token_type, "JTI_CLAIM": jti},
            "tokens": [user.access, refreshed.access, user.refresh, client.access],
        });
        let answer = ask(&python, "simplejwt_view.py", &question);
        let invalid = "Given token not valid for any token type";
        let nobody = "Token contained no recognizable user identification";
        let expected = json!([[200, "ann"], [200, "ann"], [401, invalid], [401, nobody]]);
        assert_eq!(answer, expected);
    }
}
