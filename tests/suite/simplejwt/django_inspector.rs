//! The inspector of the panel, with tokens that Django signed.

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use super::support::{DAY, book, booked_refresh, imported_user, jti, now, of_django, with_key};
use crate::support::{App, Browser};

async fn verdict(browser: &Browser, token: &str) -> String {
    let page = browser.post(paths::INSPECTOR, &[("token", token)]).await;
    page.assert(200).text(".banner")
}

#[tokio::test]
async fn the_inspector_says_what_a_token_of_django_is_good_for_and_changes_nothing() {
    let app = App::with(with_key);
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let (ann, ben) = (imported_user(&app, "ann").await, app.user("ben").await);
    let refresh = booked_refresh(&app, &ann, 'a').await;
    let logged_out = booked_refresh(&app, &ann, 'b').await;
    let body = json!({"refresh": logged_out});
    app.anonymous()
        .post("/auth/logout", body)
        .await
        .assert_status(200);
    book(&app, &ann, &jti('c'), true).await;
    let of_ann = |token_type: &str, digit| of_django(&app, token_type, &ann, &jti(digit));
    let past = now(&app) - DAY;
    let before = app.number("SELECT COUNT(*) AS number FROM sessions").await;
    let cases = [
        (
            of_ann("access", 'd').token(),
            "access token, signed by Django, would be accepted",
        ),
        (refresh.clone(), "can be exchanged once"),
        (
            logged_out,
            "was blacklisted there, or exchanged or logged out here",
        ),
        (of_ann("refresh", 'c').token(), "was blacklisted there"),
        (of_ann("refresh", 'e').token(), "was not imported"),
        (
            of_django(&app, "access", &ben, &jti('f')).token(),
            "account does not exist",
        ),
        (
            of_ann("access", 'd').claim("user_id", "999").token(),
            "account does not exist",
        ),
        (
            of_ann("refresh", 'a').claim("exp", past).token(),
            "expired at",
        ),
        (
            of_ann("refresh", 'a').claim("token_type", "id").token(),
            "“token_type”",
        ),
        (
            of_ann("refresh", 'a').without("user_id").token(),
            "names no account",
        ),
        (
            of_ann("refresh", 'a')
                .key(b"a key that nobody has, but long enough")
                .token(),
            "signature does not",
        ),
    ];
    for (token, says) in &cases {
        for _ in 0..2 {
            let said = verdict(&browser, token).await;
            assert!(said.contains(says), "{said} / {says}");
        }
    }
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM sessions").await,
        before
    );
    app.anonymous()
        .refresh(&refresh)
        .await
        .assert(200, "REFRESHED");
    let said = verdict(&browser, &refresh).await;
    assert!(
        said.contains("was blacklisted there, or exchanged"),
        "{said}"
    );
    let off = format!("UPDATE users SET is_active = false WHERE id = {}", ann.seq);
    app.execute(&off).await;
    let said = verdict(&browser, &of_ann("access", 'd').token()).await;
    assert!(said.contains("inactive"), "{said}");
}
