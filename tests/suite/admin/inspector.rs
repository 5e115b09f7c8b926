//! The inspector: every verdict is compared with the API's response to the same token; nothing is stored.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{App, Browser, Forgery, Page, SIGNING_KEY};

async fn inspect(browser: &Browser, pasted: &str) -> Page {
    let page = browser.post(paths::INSPECTOR, &[("token", pasted)]).await;
    page.assert(200)
}

/// The verdict on a token, after checking that the API agrees.
async fn verdict(app: &App, browser: &Browser, token: &str) -> String {
    let page = inspect(browser, token).await;
    let answer = app.anonymous().verify(token).await;
    let says = page.text(".banner");
    let accepted = page.has(".banner.is-ok");
    assert_eq!(accepted, answer.status == 200, "{says}: {}", answer.text);
    let bearer = app.anonymous().get("/api/me").bearer(token).await;
    let is_access = says.contains("access token");
    assert_eq!(bearer.status == 200, accepted && is_access, "{says}");
    if !accepted {
        // A refused token is not consumed by the refresh.
        let refresh = app.anonymous().refresh(token).await;
        assert_eq!(refresh.status, 401, "{says}: {}", refresh.text);
    }
    says
}

#[tokio::test]
async fn the_verdict_on_a_token_is_the_apis() {
    let app = App::with(|config| {
        config.tokens.issuer = Some("https://id.example.org".into());
        config.tokens.audience = vec!["shop".into()];
    });
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    let now = app.clock.now().unix_seconds();
    let good = || Forgery::of(&ann.access);
    for (token, says) in [
        (ann.access.clone(), "access token would be accepted"),
        (ann.refresh.clone(), "refresh token can be refreshed"),
        ("nothing".into(), "this text has no dot"),
        ("a.b".into(), "three parts"),
        ("a.b.c".into(), "first part is not a header"),
        ("....".into(), "this text has 5"),
        (good().token_with_claims("[1]"), "has no claims"),
        (good().token_with_claims("\0"), "has no claims"),
        (good().header("alg", "none").unsigned(), "algorithm none"),
        (good().header("alg", "HS512").token(), "algorithm HS512"),
        (
            good().header("alg", 7).token(),
            "first part is not a header",
        ),
        (
            good().key(b"another key, as long as it has to be").token(),
            "signature does not",
        ),
        (good().unsigned(), "signature does not"),
        (good().header("crit", json!(["exp"])).token(), "“crit”"),
        (good().header("typ", "jwt+at").token(), "“typ”"),
        (good().header("kid", "other").token(), "does not have"),
        (good().claim("token_type", "id").token(), "“token_type”"),
        (good().without("token_type").token(), "“token_type”"),
        (good().without("user_type").token(), "names no account"),
        (good().without("user_seq").token(), "names no account"),
        (
            good().claim("user_type", "robot").token(),
            "unknown user type",
        ),
        (good().claim("user_seq", -1).token(), "“user_seq”"),
        (good().claim("sub", "client:9").token(), "“sub”"),
        (
            good().claim("iss", "https://evil.example").token(),
            "another issuer",
        ),
        (good().without("iss").token(), "another issuer"),
        (good().claim("aud", "bank").token(), "another audience"),
        (good().without("aud").token(), "another audience"),
        (good().claim("jti", "x").token(), "“jti”"),
        (good().claim("sid", 5).token(), "“sid”"),
        (good().claim("exp", "soon").token(), "“exp”"),
        (good().without("exp").token(), "“exp”"),
        (good().claim("iat", 1e300).token(), "“iat”"),
        (good().claim("nbf", json!([])).token(), "“nbf”"),
        (
            good().claim("exp", now).token(),
            "expired at 2026-02-14 12:30:45",
        ),
        (
            good().claim("nbf", now + 60).token(),
            "before 2026-02-14 12:31:45",
        ),
        (
            good().claim("iat", now + 60).token(),
            "before 2026-02-14 12:31:45",
        ),
        (
            good().claim("sid", "0".repeat(32)).token(),
            "session does not exist",
        ),
        (
            good().claim("user_seq", 99).claim("sub", "user:99").token(),
            "account does not exist",
        ),
    ] {
        let said = verdict(&app, &browser, &token).await;
        assert!(said.contains(says), "{said} / {says}");
    }
    let refreshed = app.anonymous().refresh(&ann.refresh).await;
    refreshed.assert(200, "REFRESHED");
}

#[tokio::test]
async fn the_verdict_has_the_time_and_the_reason() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let root = app.admin("boss").await;
    let used = app.user("ann").await;
    let next = used.refreshed().await;
    let said = inspect(&browser, &used.refresh).await.text(".banner");
    assert!(
        said.contains("Used at 2026-02-14 12:30:45") && said.contains("Until 2026-02-14 12:30:55"),
        "{said}"
    );
    let repeated = app.anonymous().refresh(&used.refresh).await;
    assert_eq!(
        repeated.assert(200, "REFRESHED").text_of("refresh"),
        next.refresh
    );
    let kim = app.client("kim").await;
    app.advance(Duration::from_secs(10));
    kim.log_out(&kim.refresh).await.assert(200, "LOGGED_OUT");
    let said = verdict(&app, &browser, &kim.refresh).await;
    assert!(said.contains("blacklisted at 2026-02-14 12:30:55") && said.contains("Logged out"));
    let said = verdict(&app, &browser, &kim.access).await;
    assert!(
        said.contains("session was ended at 2026-02-14 12:30:55"),
        "{said}"
    );
    app.advance(Duration::from_millis(1));
    let said = inspect(&browser, &used.refresh).await.text(".banner");
    assert!(
        said.contains("Used at 2026-02-14 12:30:45") && said.contains("While neither its"),
        "{said}"
    );
    let repeated = app.anonymous().refresh(&used.refresh).await;
    repeated.assert(200, "REFRESHED");
    next.refreshed().await;
    let said = inspect(&browser, &used.refresh).await.text(".banner");
    assert!(
        said.contains("blacklisted at 2026-02-14 12:30:45 UTC (Rotated)"),
        "{said}"
    );
    let lee = app.client("lee").await;
    let path = format!("/api/clients/{}", lee.seq);
    root.patch(&path, json!({"is_active": false}))
        .await
        .assert(200, "CLIENT_UPDATED");
    for token in [&lee.access, &lee.refresh] {
        let said = verdict(&app, &browser, token).await;
        assert!(said.contains("account is inactive"), "{said}");
    }
    root.delete(&path).await.assert(200, "CLIENT_DELETED");
    for token in [&lee.access, &lee.refresh] {
        let said = verdict(&app, &browser, token).await;
        assert!(said.contains("account does not exist"), "{said}");
    }
    let ann = used.again().await;
    app.execute("UPDATE sessions SET absolute_expires_at = created_at")
        .await;
    let said = inspect(&browser, &ann.refresh).await.text(".banner");
    assert!(said.contains("maximum lifetime"), "{said}");
    let refresh = app.anonymous().refresh(&ann.refresh).await;
    refresh.assert(401, "SESSION_REVOKED");
    app.advance(Duration::from_mins(30));
    let said = verdict(&app, &browser, &ann.access).await;
    assert!(said.contains("expired at 2026-02-14 13:00:"), "{said}");
    let owner = inspect(&browser, &ann.access).await.text("#owner");
    assert!(owner.contains("ann@example.org"), "{owner}");
}

#[tokio::test]
async fn header_and_claims_are_shown_with_any_verdict_and_the_input_is_kept() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    let forged = Forgery::of(&ann.access)
        .claim("nested", json!({"a": [1, "x"]}))
        .claim("bad", "<img src=x onerror=alert(1)>\u{202e}\0👩‍👧")
        .key(b"not the key of this server, but long")
        .token();
    for pasted in [forged.clone(), format!("  bEARER {forged}\r\n")] {
        let page = inspect(&browser, &pasted).await;
        let rows = page.texts("#claims tbody tr");
        assert!(
            rows.contains(&r#"nested {"a":[1,"x"]}"#.to_owned()),
            "{rows:?}"
        );
        let bad = rows.iter().find(|row| row.starts_with("bad ")).unwrap();
        assert!(
            bad.contains("<img") && bad.contains("\\u{202e}\\u{0}👩"),
            "{bad}"
        );
        assert_eq!(page.text("textarea").trim(), pasted.trim());
        assert!(page.text("#header").contains("HS256"));
        // Of `iat`, `exp` and `auth_time`.
        assert_eq!(page.count("#claims time"), 3);
        assert!(!page.has("img") && !page.has("#owner"));
    }
    let page = inspect(&browser, &ann.refresh).await;
    let href = page.attr("#owner p a", "href");
    browser.open(&href).await;
    assert_eq!(
        page.attr("#owner a.who", "href"),
        *paths::USERS.person(ann.seq)
    );
}

#[tokio::test]
async fn other_text_is_no_token_and_too_long_input_is_a_field_error() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    for pasted in [
        "<script>alert(1)</script>",
        "a\0b.c.d",
        "\u{202e}...",
        "👩‍👩‍👧.👩.x",
        "Bearer",
        &"x".repeat(10_000),
        &".".repeat(16_384),
    ] {
        let page = inspect(&browser, pasted).await;
        assert!(page.text(".banner").contains("Not a JWT"), "{pasted}");
        assert_eq!(page.count("script"), 1);
    }
    for pasted in ["", "   \n", "bearer  ", &"x".repeat(16_385)] {
        let page = browser.post(paths::INSPECTOR, &[("token", pasted)]).await;
        if pasted.trim() == "bearer" {
            page.assert(200);
            continue;
        }
        let page = page.assert(422);
        assert_eq!(page.count(".field-errors p"), 1, "{pasted}");
    }
    let page = browser.open("/admin/inspector?token=abc").await;
    assert_eq!(page.text("textarea").trim(), "", "the address has no token");
}

#[tokio::test]
async fn nothing_is_stored() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    let counts = "SELECT (SELECT COUNT(*) FROM audit_events) + (SELECT COUNT(*) FROM blacklisted_tokens) + (SELECT COUNT(*) FROM outstanding_tokens) AS number";
    let before = app.number(counts).await;
    let used = "SELECT COUNT(*) AS number FROM sessions WHERE last_used_at > created_at";
    app.advance(Duration::from_secs(5));
    inspect(&browser, &ann.refresh).await;
    inspect(&browser, SIGNING_KEY).await;
    assert_eq!(app.number(counts).await, before);
    assert_eq!(
        app.number(used).await,
        0,
        "inspecting is no use of the session"
    );
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn a_token_of_a_service_is_valid_until_it_is_revoked_or_expires() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let service = app.service("billing", "orders:read").await;
    let token = service.token().await;
    let page = browser.post(paths::INSPECTOR, &[("token", &token)]).await;
    let text = page.assert(200).text("main");
    assert!(
        text.contains("Valid: this access token of a service"),
        "{text}"
    );
    assert!(
        text.contains("orders:read") && text.contains("billing"),
        "{text}"
    );
    browser
        .post(&paths::deactivate_service(1), &[])
        .await
        .assert(303);
    let page = browser.post(paths::INSPECTOR, &[("token", &token)]).await;
    let text = page.assert(200).text("main");
    assert!(
        text.contains("Invalid: an access token of a service"),
        "{text}"
    );
}
