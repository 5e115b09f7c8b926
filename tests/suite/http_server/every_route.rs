//! Every route with every method, anonymously and as an administrator, with an http and an https public URL. The test
//! client checks the headers of each response (`support/headers.rs`). The routes are read from the server.

use std::collections::{BTreeMap, BTreeSet};

use munjigi::{
    config::{SmtpTls, Span},
    domain::account::Role,
    http::admin::paths,
    services::accounts::first_admin_link,
};

use super::Socket;
use crate::support::{App, Browser, Person, claims_of, headers, routes};

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
];

/// Values for the parameters of a path pattern.
struct Values {
    jti: String,
    sid: String,
    secret: String,
}

impl Values {
    async fn of(app: &App, admin: &Person) -> Self {
        let sam = app.user("sam").await;
        app.client("acme").await;
        app.client("other").await;
        let jti = claims_of(&sam.refresh)["jti"].as_str().unwrap().to_owned();
        Self {
            jti,
            sid: fresh_session(admin).await,
            secret: "A".repeat(43),
        }
    }

    /// The path with parameters of existing rows.
    fn fill(&self, pattern: &str) -> String {
        let is_audit = pattern.starts_with("/admin/audit");
        filled(pattern, |name| match name {
            "jti" => &self.jti,
            "secret" => &self.secret,
            "id" if !is_audit => &self.sid,
            // The second account of each population: the first is the administrator.
            _ => "2",
        })
    }
}

async fn fresh_session(person: &Person) -> String {
    let claims = claims_of(&person.again().await.refresh);
    claims["sid"].as_str().unwrap().to_owned()
}

/// The pattern with its parameters replaced.
fn filled<'a>(pattern: &str, value: impl Fn(&str) -> &'a str) -> String {
    let mut path = String::new();
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('{') {
        let (parameter, after) = behind.split_once('}').unwrap();
        path.push_str(before);
        path.push_str(value(parameter.split(':').next().unwrap()));
        rest = after;
    }
    path + rest
}

/// Calls routes, and collects the statuses of the responses.
struct Walker<'a> {
    app: &'a App,
    admin: Option<Person>,
    browser: Browser,
    token: String,
    /// The statuses of the answers, by pattern.
    seen: BTreeMap<String, BTreeSet<u16>>,
}

impl<'a> Walker<'a> {
    async fn new(app: &'a App, admin: Option<Person>) -> Self {
        let browser = app.browser();
        if admin.is_some() {
            browser.sign_in("root").await;
        }
        Self {
            app,
            admin,
            token: browser.token().await,
            browser,
            seen: BTreeMap::new(),
        }
    }

    async fn try_all(&mut self, pattern: &str, path: &str) {
        for method in METHODS {
            let is_for_browsers = headers::is_in_panel(path) || path.starts_with("/static/");
            let status = if is_for_browsers {
                self.browse(method, path).await
            } else {
                self.call(method, path).await
            };
            let seen = self.seen.entry(pattern.to_owned()).or_default();
            seen.insert(status);
        }
    }

    async fn call(&mut self, method: &str, path: &str) -> u16 {
        let Some(admin) = &mut self.admin else {
            return self.app.anonymous().call(method, path).await.status;
        };
        let answer = admin.call(method, path).await;
        if path.starts_with("/auth/log") {
            // The call may have ended the session.
            *admin = admin.again().await;
        }
        answer.status
    }

    async fn browse(&mut self, method: &str, path: &str) -> u16 {
        if method != "POST" {
            return self.browser.ask(method, path, None, &[]).await.status;
        }
        let fields = [("csrf", self.token.as_str())];
        let answer = self.browser.post_as_is(path, &fields).await;
        let account = self.browser.ask("HEAD", "/admin/account", None, &[]).await;
        if self.admin.is_some() && account.status == 303 {
            self.browser.sign_in("root").await;
            self.token = self.browser.token().await;
        }
        answer.status
    }
}

fn public_url(is_https: bool) -> url::Url {
    let scheme = if is_https { "https" } else { "http" };
    let url = format!("{scheme}://login.example.org/");
    url.parse().unwrap()
}

fn app(is_https: bool) -> App {
    App::with(|config| {
        config.limits.failures_per_address = 0;
        config.server.public_url = Some(public_url(is_https));
        // Without mail there are no pages to request a link. Nothing listens there.
        config.smtp.host = Some("localhost".into());
        config.smtp.port = Some(1);
        config.smtp.tls = SmtpTls::None;
        config.smtp.from = Some("login@example.org".into());
    })
}

/// Paths that are not registered.
const FURTHER: &[&str] = &[
    "/",
    "/nothing",
    "/api",
    "/auth/login/",
    "/%ff",
    "//admin/users",
    "/%61dmin/nothing",
    "/admin/",
    "/admin/nothing",
    "/static/",
    "/static/nothing",
    "/static/../Cargo.toml",
];

async fn walk(is_https: bool, as_admin: bool) -> BTreeMap<String, BTreeSet<u16>> {
    let app = app(is_https);
    let root = app.admin("root").await;
    let mut values = Values::of(&app, &root).await;
    let mut walker = Walker::new(&app, as_admin.then(|| root.clone())).await;
    let page = app.browser().open("/admin/login").await;
    let files = [
        page.attrs("link[href]", "href"),
        page.attrs("script[src]", "src"),
    ];
    for route in routes().await {
        // A called route may have ended all sessions.
        values.sid = fresh_session(&root).await;
        let path = values.fill(&route.pattern);
        walker.try_all(&route.pattern, &path).await;
        if route.pattern.contains('{') {
            let path = filled(&route.pattern, |_| "no%20such%ff");
            walker.try_all(&route.pattern, &path).await;
        }
    }
    let files = files.concat();
    assert!(files.len() >= 3, "{files:?}");
    for path in FURTHER
        .iter()
        .copied()
        .chain(files.iter().map(String::as_str))
    {
        walker.try_all(path, path).await;
    }
    walker.seen
}

/// Whether any response was not that of a missing route or method.
fn was_reached(statuses: &BTreeSet<u16>) -> bool {
    statuses
        .iter()
        .any(|status| ![404, 405, 501].contains(status))
}

/// Asserts that all these statuses occurred; the test client has checked the headers.
fn check(seen: BTreeMap<String, BTreeSet<u16>>, expected: &[u16]) {
    let occurred: BTreeSet<u16> = seen.into_values().flatten().collect();
    for status in expected {
        assert!(occurred.contains(status), "{status} {occurred:?}");
    }
}

#[tokio::test]
async fn every_answer_to_an_anonymous_caller_has_the_security_headers() {
    for is_https in [false, true] {
        let seen = walk(is_https, false).await;
        for (pattern, statuses) in &seen {
            // Passkeys need https, and the second step needs the first one.
            let is_missing = [paths::PASSKEY_STEP_OPTIONS, paths::SET_UP_PASSKEY_OPTIONS]
                .contains(&pattern.as_str())
                || (pattern == paths::PASSKEY_LOGIN_OPTIONS && !is_https);
            let is_there = !is_missing && !FURTHER.contains(&pattern.as_str());
            assert!(!is_there || was_reached(statuses), "{pattern} {statuses:?}");
        }
        check(seen, &[200, 204, 303, 400, 401, 404, 405, 410]);
    }
}

#[tokio::test]
async fn every_answer_to_an_administrator_has_the_security_headers() {
    for is_https in [false, true] {
        let seen = walk(is_https, true).await;
        check(seen, &[200, 204, 303, 400, 404, 405, 422]);
    }
}

#[tokio::test]
async fn the_list_of_routes_is_complete() {
    let routes = routes().await;
    let has = |pattern: &str, methods: &[&str]| {
        let found = routes.iter().find(|route| route.pattern == pattern);
        let found = found.unwrap_or_else(|| panic!("{pattern}: {routes:#?}"));
        assert_eq!(found.methods, methods, "{pattern}");
    };
    has("/auth/login", &["POST"]);
    has("/api/users/{user_seq}", &["DELETE", "GET", "HEAD", "PATCH"]);
    has("/healthz", &["GET", "HEAD"]);
    has("/admin", &["GET", "HEAD"]);
    has("/admin/login", &["GET", "HEAD", "POST"]);
    has("/admin/tokens/{jti}/blacklist", &["GET", "HEAD", "POST"]);
    has("/admin/users/{seq:\\d+}/unlock", &["POST"]);
    assert!(routes.len() > 60, "{}", routes.len());
}

#[tokio::test]
async fn valid_links_and_refusals_have_the_security_headers() {
    for is_https in [false, true] {
        let app = app(is_https);
        let secret = first_admin_link::issue_first(app.services())
            .await
            .unwrap()
            .unwrap();
        app.browser().open(&format!("/admin/setup/{secret}")).await;
        let staff = app.user("staff").await;
        let large = "x".repeat(70_000);
        let json = "application/json";
        let answers = [
            staff.post("/api/users", serde_json::json!({})).await,
            staff
                .call("POST", "/auth/verify")
                .raw_body(json, large)
                .await,
            staff
                .call("POST", "/auth/verify")
                .raw_body("text/plain", "x")
                .await,
            staff.get("/api/users?page=x").await,
            staff.log_in().await,
        ];
        let statuses = answers.map(|answer| answer.status);
        assert_eq!(statuses, [403, 413, 415, 400, 200]);
        for tries in 0.. {
            let wrong = serde_json::json!({"username": "x", "password": "y"});
            let status = app.anonymous().post("/auth/login", wrong).await.status;
            assert!(tries < 20);
            if status == 429 {
                break;
            }
        }
        let auditor = app.signed_in("eva", Role::AUDITOR).await;
        auditor.post("/admin/users/new", &[]).await.assert(403);
        auditor.post_as_is("/admin/logout", &[]).await.assert(403);
    }
}

/// Checks the headers of a raw response.
fn check_raw(path: &str, answer: &str, is_https: bool) {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse().unwrap(), value.parse().unwrap())
    });
    headers::check(path, status.parse().unwrap(), &headers.collect(), is_https);
}

#[tokio::test]
async fn timeouts_and_rejected_connections_have_the_security_headers() {
    for is_https in [false, true] {
        for path in ["/auth/login", "/admin/login"] {
            let app = App::with(|config| {
                config.server.request_timeout = Span::seconds(3);
                config.server.max_connections = 1;
                config.server.public_url = Some(public_url(is_https));
            });
            let mut slow = Socket::open(&app).await;
            // The first must have its slot before the second arrives: workers accept connections independently.
            slow.begin(&format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
            ))
            .await;
            let mut second = Socket::open(&app).await;
            let rejected = second.rest().await;
            assert!(rejected.starts_with("HTTP/1.1 503 "), "{rejected}");
            check_raw("/", &rejected, is_https);
            let late = slow.rest().await;
            assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
            check_raw(path, &late, is_https);
        }
    }
}

#[tokio::test]
async fn malformed_http_is_answered_without_a_body_and_without_caching() {
    let app = App::with(|config| config.server.head_timeout = Span::seconds(2));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X-Many: a\r\n".repeat(200));
    for (bytes, status) in [("GARBAGE\r\n\r\n", "400"), (&many, "431"), ("GET", "408")] {
        let mut socket = Socket::open(&app).await;
        socket.send(bytes).await;
        let answer = socket.rest().await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        // actix-web sends these responses. They are not cacheable by default (RFC 9110 section 15.1), and the body is
        // empty.
        assert_eq!(body, "");
        let head = head.to_ascii_lowercase();
        assert!(!head.contains("cache-control") && !head.contains("set-cookie"));
    }
}
