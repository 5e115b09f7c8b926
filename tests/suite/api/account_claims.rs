//! Claims of an account's own: set by administrators, in the account's access tokens.

use munjigi::{config::ClaimName, domain::account::Role};
use serde_json::{Map, Value, json};

use crate::support::{App, Person, claims_of};

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn with_claims() -> App {
    App::with(|config| {
        config.tokens.claims = vec![ClaimName::Email, ClaimName::Account];
        config.tokens.extra_claims = object(json!({"tenant": "acme"}));
    })
}

async fn set(root: &Person, path: &str, claims: Value) {
    let answer = root.patch(path, json!({"claims": claims})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let shown = root.get(path).await;
    let expected = if claims == json!({}) {
        Value::Null
    } else {
        claims
    };
    assert_eq!(shown["claims"], expected);
}

#[tokio::test]
async fn the_claims_of_an_account_are_in_its_new_access_tokens() {
    let app = with_claims();
    let root = app.admin("root").await;
    for (person, path) in [
        (app.user("ann").await, "/api/users/2"),
        (app.client("kim").await, "/api/clients/1"),
    ] {
        let own = json!({"tier": "gold", "teams": ["a", "b"], "limit": 3, "beta": true});
        set(&root, path, own.clone()).await;
        // Tokens that were issued before keep what they have, and stay valid.
        person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        assert!(!claims_of(&person.access).contains_key("tier"));
        let refreshed = person.refreshed().await;
        for person in [refreshed.again().await, refreshed] {
            let claims = claims_of(&person.access);
            for (name, value) in own.as_object().unwrap() {
                assert_eq!(&claims[name], value, "{name}");
            }
            assert_eq!(claims["tenant"], "acme");
            assert!(!claims_of(&person.refresh).contains_key("tier"));
            for cleared in [json!({"tier": "silver"}), Value::Null, json!({})] {
                let sent = json!({"claims": cleared});
                let answer = root.patch(path, sent).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
            let claims = claims_of(&person.again().await.access);
            assert!(!claims.contains_key("tier"));
            set(&root, path, own.clone()).await;
        }
    }
}

#[tokio::test]
async fn without_the_setting_no_token_has_them() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    set(&root, "/api/users/2", json!({"tier": "gold"})).await;
    assert!(!claims_of(&ann.again().await.access).contains_key("tier"));
}

#[tokio::test]
async fn an_account_is_created_with_claims() {
    let app = with_claims();
    let root = app.admin("root").await;
    let body = json!({
        "email": "new@example.org", "name": "New", "password": "correct horse battery", "claims": {"tier": "gold"},
    });
    let created = root.post("/api/users", body).await;
    let created = created.assert(201, "USER_CREATED");
    assert_eq!(created["claims"], json!({"tier": "gold"}));
    let form = root.call("POST", "/api/clients");
    let form = form.form(&[("username", "kim"), ("claims", r#"{"tier": "gold"}"#)]);
    let created = form.await.assert(201, "CLIENT_CREATED");
    assert_eq!(created["claims"], json!({"tier": "gold"}));
    let event = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'account_created' AND changes LIKE '%gold%'";
    assert_eq!(app.number(event).await, 2);
}

#[tokio::test]
async fn no_claim_of_an_account_replaces_one_of_the_server() {
    let app = App::with(|config| {
        config.tokens.claims = vec![ClaimName::Account];
        config.tokens.user_id_claim = "uid".into();
        config.tokens.extra_claims = object(json!({"tenant": "acme"}));
    });
    let root = app.admin("root").await;
    for name in [
        "sub",
        "role",
        "email",
        "exp",
        "scope",
        "client_id",
        "active",
        "uid",
        "tenant",
    ] {
        let body = json!({"claims": {name: "x"}});
        let answer = root.patch("/api/users/1", body).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert!(
            answer.error("claims").contains("reserved"),
            "{}",
            answer.text
        );
    }
    // The settings may give a name to a claim of all tokens later.
    set(&root, "/api/users/1", json!({"region": "x", "number": "x"})).await;
    let app = app.restarted_with(|config| {
        config.tokens.user_id_claim = "number".into();
        config.tokens.extra_claims = object(json!({"region": "kr"}));
    });
    let body = json!({"username": root.login, "password": root.password});
    let answer = app.anonymous().post("/auth/login", body).await;
    let claims = claims_of(&answer.text_of("access"));
    assert_eq!(
        (&claims["region"], &claims["number"]),
        (&"kr".into(), &1.into())
    );
}

#[tokio::test]
async fn staff_see_no_claims_of_others() {
    let app = App::start();
    let root = app.admin("root").await;
    let staff = app.user("staff").await;
    let auditor = app.internal("auditor", Role::AUDITOR).await;
    app.client("kim").await;
    for path in ["/api/users/1", "/api/users/2", "/api/clients/1"] {
        set(&root, path, json!({"tier": "gold"})).await;
    }
    for path in ["/api/users/1", "/api/clients/1"] {
        assert_eq!(staff.get(path).await["claims"], Value::Null);
        assert_eq!(auditor.get(path).await["claims"], json!({"tier": "gold"}));
    }
    assert_eq!(
        staff.get("/api/users/2").await["claims"],
        json!({"tier": "gold"})
    );
}

#[tokio::test]
async fn a_change_of_claims_is_recorded() {
    let app = App::start();
    let root = app.admin("root").await;
    set(&root, "/api/users/1", json!({"tier": "gold"})).await;
    let event = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'account_updated' AND changes LIKE '%claims%gold%'";
    assert_eq!(app.number(event).await, 1);
}
