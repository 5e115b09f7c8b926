//! `munjigi user rename-role` beside a running server.

use serde_json::json;

use super::client::Pair;
use super::place::Place;
use super::server::eventually;

#[test]
fn all_users_of_a_role_get_another_one_and_their_access_tokens_end() {
    let place = Place::new();
    place.user("root@example.org", "admin");
    for name in ["ann", "ben", "cho"] {
        place.user(&format!("{name}@example.org"), "staff");
    }
    let server = place.serve();
    let mut client = server.client();
    let pairs: Vec<Pair> = ["ann", "ben", "root"]
        .map(|name| client.session(&format!("{name}@example.org")))
        .into();
    let rename = ["user", "rename-role", "staff", "auditor"];
    let printed = place.done(&rename, "");
    let expected = "3 users with the role staff have the role auditor now (";
    assert!(printed.starts_with(expected), "{printed}");
    // Until it has read the change, the server accepts the tokens.
    for pair in &pairs[..2] {
        eventually(|| client.get("/api/me", &pair.access).status == 401);
        let next = Pair::of(&client.refresh(&pair.refresh));
        let me = client.get("/api/me", &next.access);
        assert_eq!(me.body["data"]["role"], "auditor", "{me:?}");
    }
    assert_eq!(client.get("/api/me", &pairs[2].access).status, 200);
    server.stop();

    let roles = place.database.texts("role", "users ORDER BY id");
    assert_eq!(roles, ["admin", "auditor", "auditor", "auditor"]);
    let events = place.database.texts(
        "subject_name || ' ' || changes",
        "audit_events WHERE action = 'account_updated' ORDER BY id",
    );
    let change = r#"[{"field":"role","old":"staff","new":"auditor"}]"#;
    let expected = ["ann", "ben", "cho"].map(|name| format!("{name}@example.org {change}"));
    assert_eq!(events, expected);
    assert_eq!(place.json(&rename, ""), json!({"changed": 0}));
    place.done(&["audit", "verify"], "");
}
