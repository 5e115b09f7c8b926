//! The inspector: every verdict is held against what the API answers to the same token, and nothing that was pasted stays
//! anywhere.

use std::time::Duration;

use munjigi::domain::account::Role;
use serde_json::json;

use crate::support::{App, Browser, Forgery, Page, SIGNING_KEY};

async fn inspect(browser: &Browser, pasted: &str) -> Page {
    let page = browser.post("/admin/inspector", &[("token", pasted)]).await;
    page.assert(200)
}

/// What the page says of a token, after it was made sure that the API sees it the same way.
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
        // Nothing is used up by being shown where it is refused.
        let refresh = app.anonymous().refresh(token).await;
        assert_eq!(refresh.status, 401, "{says}: {}", refresh.text);
    }
    says
}

#[tokio::test]
async fn a_token_itself_is_judged_as_the_api_judges_it() {
    let app = App::with(|config| {
        config.tokens.issuer = Some("https://id.example.org".into());
        config.tokens.audience = vec!["shop".into()];
    });
    let browser = app.signed_in("root", Role::Auditor).await;
    let ann = app.user("ann").await;
    let now = app.clock.now().unix_seconds();
    let good = || Forgery::of(&ann.access);
    for (token, says) in [
        (ann.access.clone(), "access token is good"),
        (ann.refresh.clone(), "refresh token would get"),
        ("nothing".into(), "here is no dot"),
        ("a.b".into(), "three parts"),
        ("a.b.c".into(), "first part is no header"),
        ("....".into(), "this has 5"),
        (good().token_with_claims("[1]"), "holds no claims"),
        (good().token_with_claims("\0"), "holds no claims"),
        (good().header("alg", "none").unsigned(), "algorithm none"),
        (good().header("alg", "HS512").token(), "algorithm HS512"),
        (good().header("alg", 7).token(), "no header"),
        (
            good().key(b"another key, as long as it has to be").token(),
            "signature does not",
        ),
        (good().unsigned(), "signature does not"),
        (good().header("crit", json!(["exp"])).token(), "“crit”"),
        (good().header("typ", "at+jwt").token(), "“typ”"),
        (good().header("kid", "other").token(), "another key"),
        (good().claim("token_type", "id").token(), "“token_type”"),
        (good().without("token_type").token(), "“token_type”"),
        (good().without("user_type").token(), "does not say whose"),
        (good().without("user_seq").token(), "does not say whose"),
        (good().claim("user_type", "robot").token(), "does not exist"),
        (good().claim("user_seq", -1).token(), "“user_seq”"),
        (good().claim("sub", "client:9").token(), "“sub”"),
        (
            good().claim("iss", "https://evil.example").token(),
            "somebody else issued",
        ),
        (good().without("iss").token(), "somebody else issued"),
        (
            good().claim("aud", "bank").token(),
            "meant for somebody else",
        ),
        (good().without("aud").token(), "meant for somebody else"),
        (good().claim("jti", "x").token(), "“jti”"),
        (good().claim("sid", 5).token(), "“sid”"),
        (good().claim("exp", "soon").token(), "“exp”"),
        (good().without("exp").token(), "“exp”"),
        (good().claim("iat", 1e300).token(), "“iat”"),
        (good().claim("nbf", json!([])).token(), "“nbf”"),
        (
            good().claim("exp", now).token(),
            "expired on 2026-02-14 12:30:45",
        ),
        (
            good().claim("nbf", now + 60).token(),
            "from 2026-02-14 12:31:45",
        ),
        (
            good().claim("iat", now + 60).token(),
            "from 2026-02-14 12:31:45",
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
async fn what_became_of_a_token_is_told_with_its_time_and_its_reason() {
    let app = App::start();
    let browser = app.signed_in("root", Role::Admin).await;
    let root = app.admin("boss").await;
    let used = app.user("ann").await;
    let next = used.refreshed().await;
    let said = inspect(&browser, &used.refresh).await.text(".banner");
    assert!(
        said.contains("Used on 2026-02-14 12:30:45") && said.contains("Until 2026-02-14 12:30:55"),
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
    assert!(said.contains("blacklisted on 2026-02-14 12:30:55") && said.contains("Logged out"));
    let said = verdict(&app, &browser, &kim.access).await;
    assert!(
        said.contains("session was ended on 2026-02-14 12:30:55"),
        "{said}"
    );
    app.advance(Duration::from_millis(1));
    let said = verdict(&app, &browser, &used.refresh).await;
    assert!(
        said.contains("blacklisted on 2026-02-14 12:30:45 UTC (UTC+00:00) (Rotated)"),
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
    assert!(said.contains("greatest age"), "{said}");
    let refresh = app.anonymous().refresh(&ann.refresh).await;
    refresh.assert(401, "SESSION_REVOKED");
    app.advance(Duration::from_mins(30));
    let said = verdict(&app, &browser, &ann.access).await;
    assert!(said.contains("expired on 2026-02-14 13:00:"), "{said}");
}

#[tokio::test]
async fn header_and_claims_are_shown_whatever_the_verdict_and_what_was_pasted_is_kept() {
    let app = App::start();
    let browser = app.signed_in("root", Role::Auditor).await;
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
        assert_eq!(page.count("#claims time"), 2);
        assert!(!page.has("img") && !page.has("#owner"));
    }
    let page = inspect(&browser, &ann.refresh).await;
    let href = page.attr("#owner p a", "href");
    browser.open(&href).await;
    assert_eq!(
        page.attr("#owner a.who", "href"),
        format!("/admin/users/{}", ann.seq)
    );
}

#[tokio::test]
async fn odd_text_is_no_token_and_too_much_is_refused_beside_its_field() {
    let app = App::start();
    let browser = app.signed_in("root", Role::Admin).await;
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
        assert!(page.text(".banner").contains("no token"), "{pasted}");
        assert_eq!(page.count("script"), 1);
    }
    for pasted in ["", "   \n", "bearer  ", &"x".repeat(16_385)] {
        let page = browser.post("/admin/inspector", &[("token", pasted)]).await;
        if pasted.trim() == "bearer" {
            page.assert(200);
            continue;
        }
        let page = page.assert(422);
        assert_eq!(page.count(".field-errors p"), 1, "{pasted}");
    }
    let page = browser.open("/admin/inspector?token=abc").await;
    assert_eq!(
        page.text("textarea").trim(),
        "",
        "an address holds no token"
    );
}

#[tokio::test]
async fn nothing_that_was_pasted_is_in_the_database_afterwards() {
    let app = App::start();
    let browser = app.signed_in("root", Role::Admin).await;
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
        "a session that is looked at is not used"
    );
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}
