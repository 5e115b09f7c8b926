//! `otp.delivery = "off"`: a server without one-time codes.

use munjigi::config::OtpDelivery;
use serde_json::json;

use crate::support::{App, password_of};

#[tokio::test]
async fn without_codes_clients_log_in_by_password_only() {
    let before = App::with_gateway(|_| ());
    before.make_client("acme").await;
    let asked = json!({"username": "acme"});
    let call = || {
        before
            .anonymous()
            .post("/clients/otp/request", asked.clone())
    };
    let challenge = call().await.assert(200, "OTP_SENT").text_of("challenge_id");
    let code = before.codes(1).await.remove(0);
    let app = before.restarted_with(|config| config.otp.delivery = OtpDelivery::Off);
    for name in ["acme", "unknown"] {
        let request = app
            .anonymous()
            .post("/clients/otp/request", json!({"username": name}));
        let refused = request.await.assert(404, "OTP_DISABLED");
        assert!(refused.message().contains("password"), "{}", refused.text);
    }
    let rows = "SELECT COUNT(*) AS number FROM otp_challenges";
    assert_eq!(app.number(rows).await, 1);
    // A code from before does not log in.
    let body = json!({"challenge_id": challenge, "code": code});
    let verify = app.anonymous().post("/clients/otp/verify", body);
    verify.korean().await.assert(404, "OTP_DISABLED");
    let body = json!({"username": "acme", "password": password_of("acme"), "user_type": "client"});
    let login = app.anonymous().post("/auth/login", body);
    login.await.assert(200, "LOGGED_IN");
}
