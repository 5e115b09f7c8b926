//! The log-out of refresh tokens of Django, exchanged or not, by each route that has one.

use futures_util::future::join;
use munjigi::config::Config;
use munjigi::domain::account::Role;
use serde_json::json;

use super::routes::enabled;
use super::support::{book, booked_refresh, imported_user, jti, of_django, with_key};
use crate::support::{Answer, App};

const ROUTES: [&str; 3] = ["/auth/logout", "/api/token/blacklist/", "/oauth/revoke"];
const OF_DJANGO: &str = "SELECT COUNT(*) AS number FROM sessions WHERE method = 'django'";

fn both(config: &mut Config) {
    enabled(config);
    with_key(config);
}

async fn log_out(app: &App, route: &str, token: &str) -> Answer {
    let name = if route == "/oauth/revoke" {
        "token"
    } else {
        "refresh"
    };
    app.anonymous().post(route, json!({name: token})).await
}

#[tokio::test]
async fn a_token_that_was_not_exchanged_is_logged_out_without_a_session() {
    for (accept_unbooked, route) in [false, true]
        .into_iter()
        .flat_map(|unbooked| ROUTES.map(|route| (unbooked, route)))
    {
        let app = App::with(|config| {
            both(config);
            config.django.accept_unbooked = accept_unbooked;
            config.tokens.sessions_per_account = 1;
        });
        let ann = imported_user(&app, "ann").await;
        let token = if accept_unbooked {
            of_django(&app, "refresh", &ann, &jti('a')).token()
        } else {
            booked_refresh(&app, &ann, 'a').await
        };
        log_out(&app, route, &token).await.assert_status(200);
        // The only session that the account may have goes on.
        ann.get("/api/me").await.assert(200, "ME");
        assert_eq!(app.number(OF_DJANGO).await, 0, "{route}");
        let marked = "SELECT COUNT(*) AS number FROM django_tokens \
            WHERE blacklisted_at IS NOT NULL AND session_id IS NULL";
        assert_eq!(app.number(marked).await, 1, "{route}");
        let reason = "SELECT COUNT(*) AS number FROM blacklisted_tokens WHERE reason = 'logout'";
        assert_eq!(app.number(reason).await, 1, "{route}");
        let events = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'logged_out' \
            AND session_id IS NULL";
        assert_eq!(app.number(events).await, 1, "{route}");
        for _ in 0..2 {
            app.anonymous()
                .refresh(&token)
                .await
                .assert(401, "TOKEN_BLACKLISTED");
        }
        app.anonymous()
            .verify(&token)
            .await
            .assert(401, "TOKEN_BLACKLISTED");
        // A second log-out changes nothing.
        let again = log_out(&app, route, &token).await;
        let is_blacklist = route == ROUTES[1];
        again.assert_status(if is_blacklist { 401 } else { 200 });
        assert_eq!(app.number(reason).await, 1, "{route}");
        assert_eq!(app.number(events).await, 1, "{route}");
    }
}

#[tokio::test]
async fn an_exchanged_token_ends_its_session_when_it_is_logged_out() {
    for route in ROUTES {
        let app = App::with(|config| {
            both(config);
            config.tokens.rotate_refresh_tokens = false;
        });
        let ann = imported_user(&app, "ann").await;
        let token = booked_refresh(&app, &ann, 'a').await;
        let pair = app
            .anonymous()
            .refresh(&token)
            .await
            .assert(200, "REFRESHED");
        let pair = ann.with_pair(&pair);
        log_out(&app, route, &token).await.assert_status(200);
        pair.get("/api/me").await.assert(401, "SESSION_REVOKED");
        app.anonymous()
            .refresh(&token)
            .await
            .assert(401, "TOKEN_BLACKLISTED");
        ann.get("/api/me").await.assert(200, "ME");
    }
}

#[tokio::test]
async fn an_exchange_and_a_log_out_at_the_same_time_leave_no_session() {
    for round in 0..8 {
        let app = App::with(both);
        let ann = imported_user(&app, "ann").await;
        let token = booked_refresh(&app, &ann, 'a').await;
        let anyone = app.anonymous();
        let (refreshed, logged_out) = join(
            async { anyone.refresh(&token).await },
            log_out(&app, ROUTES[round % 3], &token),
        )
        .await;
        // The blacklist of SimpleJWT refuses a token that was rotated.
        assert!(
            [200, 401].contains(&logged_out.status),
            "{}",
            logged_out.text
        );
        if logged_out.status == 401 {
            refreshed.assert(200, "REFRESHED");
            continue;
        }
        let live = format!("{OF_DJANGO} AND ended_at IS NULL");
        assert_eq!(app.number(&live).await, 0, "{}", refreshed.text);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_logged_out() {
    let app = App::with(both);
    let (ann, ben) = (
        imported_user(&app, "ann").await,
        imported_user(&app, "ben").await,
    );
    book(&app, &ben, &jti('b'), false).await;
    // Not stored, and stored for another account.
    for token in [jti('a'), jti('b')].map(|jti| of_django(&app, "refresh", &ann, &jti).token()) {
        let answer = log_out(&app, "/auth/logout", &token).await;
        answer.assert(400, "INVALID_TOKEN");
        log_out(&app, "/oauth/revoke", &token)
            .await
            .assert_status(200);
        log_out(&app, "/api/token/blacklist/", &token)
            .await
            .assert_status(401);
    }
    let changed = "SELECT COUNT(*) AS number FROM django_tokens WHERE blacklisted_at IS NOT NULL";
    assert_eq!(app.number(changed).await, 0);
    // With the access token of another account.
    let token = booked_refresh(&app, &ann, 'c').await;
    let call = ben.post("/auth/logout", json!({"refresh": token}));
    call.await.assert(403, "FORBIDDEN");
    assert_eq!(app.number(changed).await, 0);
}

#[tokio::test]
async fn exchanged_and_logged_out_tokens_stand_in_the_lists_in_the_order_of_time() {
    let app = App::with(both);
    let browser = app.signed_in("root", Role::ADMIN).await;
    let (mut expected, mut names): (Vec<&&str>, Vec<&str>) = (Vec::new(), Vec::new());
    // The ids that Django made are in the opposite order.
    for (digit, name) in [('f', "ann"), ('8', "ben"), ('0', "cay")] {
        let person = imported_user(&app, name).await;
        app.advance(std::time::Duration::from_secs(1));
        let token = booked_refresh(&app, &person, digit).await;
        if digit == '8' {
            log_out(&app, "/auth/logout", &token)
                .await
                .assert_status(200);
        } else {
            app.anonymous().refresh(&token).await.assert_status(200);
        }
        app.advance(std::time::Duration::from_secs(1));
        names.push(name);
    }
    let order = "SELECT COUNT(*) AS number FROM outstanding_tokens a JOIN outstanding_tokens b \
        ON a.jti < b.jti AND a.created_at > b.created_at";
    assert_eq!(app.number(order).await, 0);
    let page = browser.open("/admin/tokens").await;
    let rows = page.texts("#results tbody tr");
    for row in &rows {
        expected.extend(names.iter().find(|name| row.contains(**name)));
    }
    // By the log-in, by the exchange and its successor; the latest first.
    assert_eq!(
        expected,
        [
            &"cay", &"cay", &"cay", &"ben", &"ben", &"ann", &"ann", &"ann",
        ],
        "{rows:?}"
    );
    // Logged out, with the reason and a page of its own.
    let blacklist = browser.open("/admin/blacklist?reason=all").await;
    let links = blacklist.attrs("#results td a[href*='/admin/tokens/']", "href");
    assert_eq!(links.len(), 3);
    for link in links {
        assert_eq!(browser.get(&link).await.status, 200, "{link}");
    }
}
