//! The main flow from login to logout.

use serde_json::json;

use crate::support::App;

#[tokio::test]
async fn log_in_call_refresh_log_out() {
    let app = App::start();
    app.make_user("ann", munjigi::domain::account::Role::STAFF)
        .await;
    let anonymous = app.anonymous();

    // Ann logs in, and calls the API with her access token.
    let credentials = json!({"email": "ann@example.org", "password": "the long password of a.n.n"});
    let pair = anonymous.post("/auth/login", credentials).await;
    let pair = pair.assert(200, "LOGGED_IN");
    let (access, refresh) = (pair.text_of("access"), pair.text_of("refresh"));
    let me = anonymous.get("/api/me").bearer(&access).await;
    assert_eq!(me.assert(200, "ME")["email"], "ann@example.org");

    // She refreshes: both tokens are new and valid, the old refresh token is used.
    let next = anonymous.refresh(&refresh).await.assert(200, "REFRESHED");
    let (new_access, new_refresh) = (next.text_of("access"), next.text_of("refresh"));
    assert!(new_access != access && new_refresh != refresh);
    let users = anonymous.get("/api/users").bearer(&new_access).await;
    users.assert(200, "USER_LIST");
    let verdict = anonymous.verify(&refresh).await;
    verdict.assert(401, "TOKEN_BLACKLISTED");
    // Her second tab, which is a moment late, gets the same new refresh token.
    let repeat = anonymous.refresh(&refresh).await;
    let repeat = repeat.assert(200, "REFRESHED").text_of("refresh");
    assert_eq!(repeat, new_refresh);

    // She logs out: neither the refresh token nor any access token of this login is valid any more.
    let log_out = anonymous.post("/auth/logout", json!({"refresh": new_refresh}));
    let log_out = log_out.bearer(&new_access).korean().await;
    assert_eq!(log_out.assert(200, "LOGGED_OUT").message(), "로그아웃 완료");
    let after = anonymous.refresh(&new_refresh).await;
    after.assert(401, "TOKEN_BLACKLISTED");
    for token in [&access, &new_access] {
        let refused = anonymous.get("/api/me").bearer(token).await;
        refused.assert(401, "SESSION_REVOKED");
    }
}
