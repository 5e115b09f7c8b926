//! Forward authentication with real proxies, configured as the documents say.

use super::{
    client::{Answer, Pair},
    place::Place,
    proxies::{Kind, Proxy, application},
    server::Server,
};

const ROOT: &str = "root@example.org";
const STAFF: &str = "staff@example.org";

/// munjigi with accounts, and a proxy between it, callers and an application.
struct Scene {
    munjigi: Server,
    proxy: Proxy,
    _place: Place,
}

impl Scene {
    fn set(kind: Kind) -> Self {
        let place = Place::new();
        place.user(ROOT, "admin");
        place.user(STAFF, "staff");
        place.client("acme");
        let munjigi = place.serve();
        let proxy = Proxy::start(kind, munjigi.address, application());
        Self {
            munjigi,
            proxy,
            _place: place,
        }
    }

    /// The tokens of an account.
    fn log_in(&self, name: &str) -> Pair {
        let user_type = if name.contains('@') { "user" } else { "client" };
        Pair::of(&self.munjigi.client().log_in(name, user_type))
    }

    /// A request through the proxy, with further headers.
    fn ask(&self, method: &str, target: &str, access: &str, more: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer {access}");
        let mut headers = more.to_vec();
        if !access.is_empty() {
            headers.push(("Authorization", &bearer));
        }
        let mut client = self.proxy.client();
        client.send(method, target, &headers, "a body").unwrap();
        client.receive().unwrap()
    }
}

/// What the application received about the account, by names as CGI and WSGI write them. Values that are empty are the same
/// as none.
fn received(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let headers = answer.body["headers"].as_array().unwrap().iter();
    let headers = headers.map(|pair| {
        let text = |index: usize| pair[index].as_str().unwrap();
        (text(0).to_lowercase().replace('_', "-"), text(1).to_owned())
    });
    let mut found: Vec<(String, String)> = headers
        .filter(|(name, value)| name.starts_with("x-auth") && !value.is_empty())
        .collect();
    found.sort();
    found
}

fn expected(user_type: &str, seq: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let sub = format!("{user_type}:{seq}");
    let of_all = [("sub", &*sub), ("user-seq", seq), ("user-type", user_type)];
    let mut pairs: Vec<(String, String)> = of_all
        .iter()
        .chain(more)
        .map(|(name, value)| (format!("x-auth-{name}"), (*value).to_owned()))
        .collect();
    pairs.sort();
    pairs
}

/// Headers of a caller who would like to be somebody else.
const FORGED: [(&str, &str); 9] = [
    ("X-Auth-Role", "admin"),
    ("x-auth-role", "admin"),
    ("X-Auth-Email", ROOT),
    ("X-Auth-Sub", "user:1"),
    ("X-AUTH-USER-TYPE", "user"),
    ("X_Auth_Role", "admin"),
    ("X-Auth_Role", "admin"),
    ("X_Auth-Role", "admin"),
    ("x_auth_email", ROOT),
];

fn passes_the_account_of_the_token_and_nothing_else(kind: Kind) {
    let scene = Scene::set(kind);
    let (staff, acme) = (scene.log_in(STAFF), scene.log_in("acme"));
    let of_staff = expected("user", "2", &[("email", STAFF), ("role", "staff")]);
    let of_acme = expected("client", "1", &[]);
    for forged in [&[][..], &FORGED] {
        for (access, account) in [(&staff.access, &of_staff), (&acme.access, &of_acme)] {
            for method in ["GET", "POST", "DELETE"] {
                // The query is the application's: it is no condition.
                let target = "/orders?role=manager&page=2";
                let answer = scene.ask(method, target, access, forged);
                assert_eq!(&received(&answer), account, "{method} {forged:?}");
                assert_eq!(answer.body["method"], method);
                assert_eq!(answer.body["target"], target);
                assert_eq!(answer.body["body"], "a body");
            }
        }
    }
    scene.munjigi.stop();
}

fn refuses_at_once(kind: Kind) {
    let scene = Scene::set(kind);
    let staff = scene.log_in(STAFF);
    assert_eq!(scene.ask("GET", "/", &staff.access, &[]).status, 200);
    for (access, challenge) in [
        ("", r#"Bearer realm="api""#),
        ("a.b.c", r#"Bearer realm="api", error="invalid_token""#),
        (
            &staff.refresh,
            r#"Bearer realm="api", error="invalid_token""#,
        ),
    ] {
        let answer = scene.ask("GET", "/", access, &FORGED);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.challenge.as_deref(), Some(challenge));
    }
    let mut client = scene.munjigi.client();
    let logged_out = client.try_log_out(&staff).unwrap();
    assert_eq!(logged_out.code(), "LOGGED_OUT");
    assert_eq!(scene.ask("GET", "/", &staff.access, &[]).status, 401);
    // Without an answer of munjigi nothing passes.
    let again = scene.log_in(STAFF);
    assert_eq!(scene.ask("GET", "/", &again.access, &[]).status, 200);
    let Scene { munjigi, proxy, .. } = scene;
    munjigi.stop();
    let answer = proxy.client().get("/", &again.access);
    assert!(answer.status >= 500, "{answer:?}");
}

fn asks_for_the_role_of_the_path(kind: Kind) {
    let scene = Scene::set(kind);
    let of = |name| scene.log_in(name).access;
    for (access, status) in [
        (of(ROOT), 200),
        (of(STAFF), 403),
        (of("acme"), 403),
        (String::new(), 401),
    ] {
        for target in [
            "/admin",
            "/admin/users",
            "/%61dmin",
            "//admin/x",
            "/x/../admin?role=staff",
        ] {
            let answer = scene.ask("GET", target, &access, &FORGED);
            assert_eq!(answer.status, status, "{target} {answer:?}");
        }
    }
    scene.munjigi.stop();
}

#[test]
#[ignore = "tests/run"]
fn nginx_passes_the_account_of_the_token_and_nothing_else() {
    passes_the_account_of_the_token_and_nothing_else(Kind::Nginx);
}

#[test]
#[ignore = "tests/run"]
fn nginx_refuses_a_revoked_token_at_once() {
    refuses_at_once(Kind::Nginx);
}

#[test]
#[ignore = "tests/run"]
fn nginx_asks_for_the_role_of_the_path() {
    asks_for_the_role_of_the_path(Kind::Nginx);
}

#[test]
#[ignore = "tests/run"]
fn caddy_passes_the_account_of_the_token_and_nothing_else() {
    passes_the_account_of_the_token_and_nothing_else(Kind::Caddy);
}

#[test]
#[ignore = "tests/run"]
fn caddy_refuses_a_revoked_token_at_once() {
    refuses_at_once(Kind::Caddy);
}

#[test]
#[ignore = "tests/run"]
fn caddy_asks_for_the_role_of_the_path() {
    asks_for_the_role_of_the_path(Kind::Caddy);
}
