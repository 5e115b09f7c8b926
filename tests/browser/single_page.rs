//! Single-page apps of another origin: the refresh token in a cookie, over reloads; and pages of origins that are not allowed.

use serde_json::{Value, json};

use super::{
    app_server,
    chromium::Chromium,
    place::PASSWORD,
    setting::{Setting, Stage},
};

const BOB: &str = "bob@example.org";

/// A server, and an allowed app on another port of the same site. Without a grace period, reuse of a refresh token ends the
/// session immediately.
async fn with_app(transport: &str) -> (Setting, String) {
    with_app_at("localhost", transport).await
}

async fn with_app_at(host: &str, transport: &str) -> (Setting, String) {
    let app = format!("http://{host}:{}", app_server::serve());
    let stage = Stage::new()
        .with("MUNJIGI_TOKENS__TRANSPORT", transport)
        .with("MUNJIGI_TOKENS__REUSE_GRACE", "0s")
        .with("MUNJIGI_SERVER__ALLOWED_ORIGINS", &app);
    let setting = stage.set().await;
    setting.place.user(BOB, "staff");
    (setting, app)
}

/// Opens the page at an origin; it refreshes its session and shows the result.
async fn open(setting: &Setting, origin: &str, result: &str) {
    let port = setting.server.address.port();
    let url = format!("{origin}/auth/app?server=http://localhost:{port}");
    setting.browser.client.goto(&url).await.unwrap();
    setting.browser.shows("#session", result).await;
}

async fn reload(browser: &Chromium, result: &str) {
    browser.client.refresh().await.unwrap();
    browser.shows("#session", result).await;
}

/// The result of a call by the page.
async fn call(browser: &Chromium, method: &str, path: &str, body: Value) -> Value {
    let script = "const [method, path, body] = arguments; \
                  return call(method, path, body ?? undefined).catch((error) => ({error: String(error)}))";
    let arguments = vec![json!(method), json!(path), body];
    browser.run(script, arguments).await
}

async fn log_in(browser: &Chromium, more: Value) -> Value {
    let mut body = json!({"username": BOB, "password": PASSWORD});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    call(browser, "POST", "/auth/login", body).await
}

/// The refresh token in the browser's cookies, read by the developer tools.
async fn kept(browser: &Chromium) -> Option<String> {
    let cookies = browser.devtools("Storage.getCookies", json!({})).await;
    let cookies = cookies["cookies"].as_array().unwrap().clone();
    let mut ours = cookies
        .iter()
        .filter(|cookie| cookie["name"] == "munjigi_refresh");
    let cookie = ours.next()?;
    assert!(ours.next().is_none(), "{cookies:?}");
    for (name, value) in [
        ("httpOnly", json!(true)),
        ("sameSite", json!("Strict")),
        ("path", json!("/auth")),
        ("domain", json!("localhost")),
        ("session", json!(false)),
    ] {
        assert_eq!(cookie[name], value, "{cookie}");
    }
    Some(cookie["value"].as_str().unwrap().to_owned())
}

/// No script can read the token, although the page is below the cookie's path on the cookie's host.
async fn assert_hidden(browser: &Chromium, token: &str) {
    let script = "document.cookie = 'own=1; path=/auth'; return [document.cookie, ...answers()]";
    let seen = browser.run(script, vec![]).await;
    let seen = seen.as_array().unwrap();
    assert_eq!(seen[0], "own=1");
    assert!(seen.len() > 1, "{seen:?}");
    for text in seen {
        assert!(!text.as_str().unwrap().contains(token), "{text}");
    }
}

/// The console has exactly these messages.
async fn assert_noted(browser: &Chromium, expected: &[&str]) {
    let complaints = browser.complaints().await;
    for complaint in &complaints {
        assert!(
            expected.iter().any(|words| complaint.contains(words)),
            "{complaint}"
        );
    }
    for words in expected {
        assert!(
            complaints.iter().any(|complaint| complaint.contains(words)),
            "no {words} in {complaints:?}"
        );
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn an_app_of_an_allowed_origin_stays_logged_in_over_reloads_until_it_logs_out() {
    let (setting, app) = with_app("cookie").await;
    let browser = &setting.browser;
    open(&setting, &app, "401 UNAUTHORIZED").await;
    let answer = log_in(browser, json!({})).await;
    assert_eq!(answer["code"], "LOGGED_IN", "{answer}");
    let id = browser.run("return id", vec![]).await;
    assert!(id.is_string(), "headers can be read: {id}");
    let first = kept(browser).await.unwrap();
    assert_hidden(browser, &first).await;

    // A reload loses the access token, not the cookie.
    for _ in 0..2 {
        reload(browser, "200 REFRESHED").await;
        let me = call(browser, "GET", "/api/me", Value::Null).await;
        assert_eq!(me["data"]["email"], BOB, "{me}");
    }
    let later = kept(browser).await.unwrap();
    assert_ne!(later, first);
    assert_hidden(browser, &later).await;

    let gone = call(browser, "POST", "/auth/logout", Value::Null).await;
    assert_eq!(gone["code"], "LOGGED_OUT", "{gone}");
    assert_eq!(kept(browser).await, None);
    reload(browser, "401 UNAUTHORIZED").await;
    let refused = setting.api().try_post(
        "/auth/refresh",
        &[("Cookie", &format!("munjigi_refresh={later}"))],
        &json!({}),
    );
    assert_eq!(refused.unwrap().code(), "TOKEN_BLACKLISTED");
    assert_noted(browser, &["status of 401"]).await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_login_by_one_time_code_sets_the_cookie_for_its_path() {
    let (setting, app) = with_app("both").await;
    let browser = &setting.browser;
    setting.place.client("acme");
    open(&setting, &app, "401 UNAUTHORIZED").await;
    let by_body = log_in(browser, json!({})).await;
    assert!(by_body["data"]["refresh"].is_string(), "{by_body}");
    assert_eq!(kept(browser).await, None);

    let path = "/clients/otp/request";
    let asked = call(browser, "POST", path, json!({"username": "acme"})).await;
    setting.server.wait_for_log("one-time code");
    let log = setting.server.log();
    let code = log.split("\"code\":\"").nth(1).unwrap();
    let code = code.split('"').next().unwrap();
    let body = json!({
        "challenge_id": asked["data"]["challenge_id"], "code": code, "transport": "cookie",
    });
    let answer = call(browser, "POST", "/clients/otp/verify", body).await;
    assert_eq!(answer["code"], "LOGGED_IN", "{answer}");
    let token = kept(browser).await.unwrap();
    assert_hidden(browser, &token).await;
    reload(browser, "200 REFRESHED").await;
    let me = call(browser, "GET", "/api/me", Value::Null).await;
    assert_eq!(me["data"]["username"], "acme", "{me}");
    assert_noted(browser, &["status of 401"]).await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn an_allowed_app_on_another_site_may_call_but_gets_no_cookie() {
    let (setting, app) = with_app_at("127.0.0.1", "cookie").await;
    let browser = &setting.browser;
    open(&setting, &app, "401 UNAUTHORIZED").await;
    let answer = log_in(browser, json!({})).await;
    assert_eq!(answer["code"], "LOGGED_IN", "{answer}");
    let me = call(browser, "GET", "/api/me", Value::Null).await;
    assert_eq!(me["data"]["email"], BOB, "{me}");
    assert_eq!(kept(browser).await, None);
    reload(browser, "401 UNAUTHORIZED").await;
    assert_noted(browser, &["status of 401"]).await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_page_of_a_foreign_origin_has_no_access_and_no_effect() {
    let (setting, app) = with_app("cookie").await;
    let browser = &setting.browser;
    open(&setting, &app, "401 UNAUTHORIZED").await;
    let answer = log_in(browser, json!({})).await;
    assert_eq!(answer["code"], "LOGGED_IN", "{answer}");
    let token = kept(browser).await.unwrap();
    let bearer = answer["data"]["access"].clone();
    assert_noted(browser, &["status of 401"]).await;

    // On the same site, where the cookie is sent; and on another site.
    let port = app_server::serve();
    for host in ["localhost", "127.0.0.1"] {
        // The refresh on load needs no preflight, so it is sent; the page cannot read the response.
        open(&setting, &format!("http://{host}:{port}"), "TypeError").await;
        browser
            .run("access = arguments[0]", vec![bearer.clone()])
            .await;
        for (method, path, body) in [
            (
                "POST",
                "/auth/login",
                json!({"username": BOB, "password": PASSWORD}),
            ),
            ("POST", "/auth/refresh", Value::Null),
            ("POST", "/auth/logout", Value::Null),
            ("POST", "/auth/logout-all", Value::Null),
            ("GET", "/auth/sessions", Value::Null),
            ("GET", "/api/me", Value::Null),
        ] {
            let answer = call(browser, method, path, body).await;
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(error.starts_with("TypeError"), "{path}: {answer}");
        }
        // Requests without a preflight: no-cors, and form submissions.
        let blind = "return fetch(`${server}/auth/refresh`, \
                     {method: 'POST', mode: 'no-cors', credentials: 'include'}).then((a) => a.type)";
        assert_eq!(browser.run(blind, vec![]).await, "opaque");
        assert_noted(
            browser,
            &["blocked by CORS policy", "net::ERR_FAILED", "status of 403"],
        )
        .await;
        for form in ["refresh", "login?", "logout"] {
            let send = "const form = document.createElement('form'); form.method = 'post'; \
                        form.action = `${server}/auth/${arguments[0]}`; \
                        form.innerHTML = `<input name=username value=${arguments[1]}><input name=password>`; \
                        form.password.value = arguments[2]; document.body.append(form); form.submit()";
            let words = vec![json!(form), json!(BOB), json!(PASSWORD)];
            browser.run(send, words).await;
            // Another site does not even send the cookie, so there is nothing to log out.
            let code = match (form, host) {
                ("logout", "127.0.0.1") => "UNAUTHORIZED",
                _ => "FORBIDDEN",
            };
            browser.shows("body", code).await;
            open(&setting, &format!("http://{host}:{port}"), "TypeError").await;
            // A response shown as a page has no icon, which is logged, too.
            browser.complaints().await;
        }
        assert_eq!(kept(browser).await.as_deref(), Some(token.as_str()));
    }

    // If the token had been used, this refresh would be a reuse.
    open(&setting, &app, "200 REFRESHED").await;
    let sessions = call(browser, "GET", "/auth/sessions", Value::Null).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1, "{sessions}");
    setting.end().await;
}
