//! Passwords that are refused because of a list of the operator: breached ones, and names of the site.

use serde_json::json;

use crate::support::App;

#[tokio::test]
async fn a_breached_password_is_refused_wherever_one_is_set() {
    let breached = "an unusual but breached one";
    // The second one is the hash of the password.
    let list = [
        "0000000000000000000000000000000000000000:3",
        "1EECE1C55FFC50E883C7EC8356933B94E1742465:17",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:1",
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("breached.txt");
    std::fs::write(&path, list.join("\r\n")).unwrap();
    let app = App::with(|config| config.login.breached_passwords_file = Some(path));
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let sentence = "This password has appeared in a data breach. Choose another.";
    let own = json!({"current_password": ann.password, "new_password": breached});
    let refused = ann.post("/auth/password", own).await;
    let refused = refused.assert(400, "INVALID_REQUEST");
    assert_eq!(refused.error("new_password"), sentence);
    let new = |password: &str| json!({"username": "acme", "password": password});
    let refused = root.post("/api/clients", new(breached)).await;
    let refused = refused.assert(400, "INVALID_REQUEST");
    assert_eq!(refused.error("password"), sentence);
    let other = root.post("/api/clients", new("An unusual but breached one"));
    other.await.assert(201, "CLIENT_CREATED");
}

#[tokio::test]
async fn a_password_with_a_name_of_the_site_is_refused() {
    let app = App::with(|config| config.login.site_names = vec!["Example Market".into()]);
    let root = app.admin("root").await;
    let new = json!({"username": "acme", "password": "my EXAMPLE MARKET login"});
    let refused = root.post("/api/clients", new).korean().await;
    let refused = refused.assert(400, "INVALID_REQUEST");
    assert_eq!(
        refused.error("password"),
        "서비스 이름이 포함된 비밀번호는 사용할 수 없습니다."
    );
}
