//! Roles of the configuration: their rights at `/api` and in the panel, other roles with all rights, and roles that the
//! configuration does not have.

use munjigi::{
    config::{ApiAccess, Config, PanelAccess, RolesConfig, UserIdField},
    domain::{account::Role, audit::Actor},
    http::admin::paths,
    services::accounts::user_changes::rename_role,
};
use serde_json::{Value, json};

use crate::support::{App, password_of};

fn roles(roles: Value) -> RolesConfig {
    serde_json::from_value(roles).unwrap()
}

fn role(name: &str) -> Role {
    Role::parse(name).unwrap()
}

/// Besides the built-in roles one that sees the accounts at `/api` alone, one without rights, and one that changes them there.
fn with_manager(config: &mut Config) {
    config.roles = roles(json!({
        "admin": {"panel": "write", "api": "write"},
        "auditor": {"panel": "read", "api": "read"},
        "staff": {"panel": "none", "api": "list"},
        "manager": {"panel": "none", "api": "read", "label_en": "Branch manager", "label_ko": "지점장"},
        "guest": {},
        "sync.job": {"api": "write"},
    }));
}

#[tokio::test]
async fn a_role_may_do_what_the_configuration_says() {
    let app = App::with(with_manager);
    let root = app.admin("root").await;
    app.client("acme").await;
    for (name, reads, writes) in [
        ("manager", 200, 403),
        ("guest", 403, 403),
        ("sync.job", 200, 200),
    ] {
        let person = app.internal(name, role(name)).await;
        for (path, change) in [
            (format!("/api/users/{}", root.seq), json!({"name": "Root"})),
            ("/api/clients/1".to_owned(), json!({"name": "Acme"})),
        ] {
            let seen = person.get(&path).await;
            assert_eq!(seen.status, reads, "{name} {path}");
            if reads == 200 {
                assert!(seen.data()["email"].is_string(), "{name} sees contacts");
            }
            assert_eq!(
                person.patch(&path, change).await.status,
                writes,
                "{name} {path}"
            );
        }
        for path in ["/api/users", "/api/clients"] {
            assert_eq!(person.get(path).await.status, reads, "{name} {path}");
            let new = json!({"username": format!("{name}-1"), "name": "N", "password": "correct horse battery"});
            let created = if writes == 200 { 201 } else { 403 };
            assert_eq!(
                person.post(path, new).await.status,
                created,
                "{name} {path}"
            );
        }
        // Its own account is every account's.
        assert_eq!(person.get("/api/me").await.data()["role"], name);
        let fields = [
            ("email", format!("{name}@example.org")),
            ("password", password_of(name)),
            ("next", String::new()),
        ];
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        app.browser().post(paths::LOGIN, &fields).await.assert(403);
    }
}

#[tokio::test]
async fn nobody_gives_or_takes_over_rights_that_are_not_their_own() {
    let app = App::with(|config| {
        with_manager(config);
        config.simplejwt.user_id_field = UserIdField::ExternalId;
    });
    let root = app.admin("root").await;
    let sync = app.internal("sync", role("sync.job")).await;
    let (own, admin) = (
        format!("/api/users/{}", sync.seq),
        format!("/api/users/{}", root.seq),
    );
    for (path, change) in [
        (&own, json!({"role": "admin"})),
        (&own, json!({"role": "auditor"})),
        (&admin, json!({"password": "correct horse battery"})),
        (&admin, json!({"email": "sync@attacker.example"})),
        (&admin, json!({"external_id": "other"})),
        (&admin, json!({"role": "sync.job"})),
    ] {
        let answer = sync.patch(path, sync.confirmed(change.clone())).await;
        assert_eq!(answer.status, 403, "{change}: {}", answer.text);
    }
    let new = json!({"username": "other", "name": "Other", "password": "correct horse battery", "role": "admin"});
    let answer = sync.post("/api/users", sync.confirmed(new)).await;
    answer.assert(403, "FORBIDDEN");
    // What needs the password of those who may.
    let change = json!({"external_id": "root-1"});
    let answer = root.patch(&admin, change.clone()).await;
    answer.assert(403, "CURRENT_PASSWORD_REQUIRED");
    root.patch(&admin, root.confirmed(change))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_new_user_gets_a_configured_role() {
    let app = App::with(with_manager);
    let root = app.admin("root").await;
    let new = |role: &str| json!({"username": format!("new-{role}"), "name": "New", "password": "correct horse battery", "role": role});
    let created = root.post("/api/users", new("manager")).await;
    assert_eq!(
        created.assert(201, "USER_CREATED").data()["role"],
        "manager"
    );
    for wrong in ["boss", "Admin", "team lead", ""] {
        let answer = root
            .post("/api/users", new(wrong))
            .await
            .assert(400, "INVALID_REQUEST");
        assert!(!answer.error("role").is_empty(), "{wrong}");
    }
    let answer = root.post("/api/users", new("boss")).await;
    assert!(answer.error("role").contains("manager"), "{}", answer.text);
    let listed = root
        .get("/api/users?role=manager")
        .await
        .assert(200, "USER_LIST");
    assert_eq!(listed.data().as_array().unwrap().len(), 1);
    let answer = root
        .get("/api/users?role=boss")
        .await
        .assert(400, "INVALID_REQUEST");
    assert!(answer.error("role").contains("manager"));
    // A role that changes accounts is given with the own password only.
    let answer = root.post("/api/users", new("sync.job")).await;
    answer.assert(403, "CURRENT_PASSWORD_REQUIRED");
    let answer = root
        .post("/api/users", root.confirmed(new("sync.job")))
        .await;
    answer.assert(201, "USER_CREATED");
    let document = app.anonymous().get("/openapi.json").await;
    let document: Value = serde_json::from_str(&document.text).unwrap();
    let body =
        &document["paths"]["/api/users"]["post"]["requestBody"]["content"]["application/json"];
    let listed = body["schema"]["properties"]["role"]["enum"].to_string();
    assert_eq!(
        listed,
        r#"["admin","auditor","sync.job","manager","staff","guest",null]"#
    );
}

#[tokio::test]
async fn the_panel_shows_the_labels_of_roles() {
    let app = App::with(with_manager);
    let root = app.signed_in("root", Role::ADMIN).await;
    let seq = app.make_user("kim", role("manager")).await;
    let page = root.open(&format!("/admin/users/{seq}")).await;
    assert!(page.text(".page-head").contains("Branch manager"));
    let form = root.open(&format!("/admin/users/{seq}/edit")).await;
    assert_eq!(form.text("#role option[selected]"), "Branch manager");
    let korean = app.signed_in("lee", Role::ADMIN).await.speaking("ko");
    let page = korean.open(&format!("/admin/users/{seq}")).await;
    assert!(page.text(".page-head").contains("지점장"));
    let list = root.open("/admin/users?role=manager").await;
    assert_eq!(list.texts("td[data-label='Role']"), ["Branch manager"]);
}

#[tokio::test]
async fn a_role_that_is_not_configured_gives_no_rights() {
    let app = App::with(with_manager);
    let kim = app.internal("kim", role("manager")).await;
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let app = app.restarted_with(|config| config.roles = RolesConfig::default());
    let kim = kim.at(&app);
    assert_eq!(kim.get("/api/me").await.data()["role"], "manager");
    kim.get("/api/users").await.assert(403, "FORBIDDEN");
    drop(ann);
    let root = app.signed_in("root", Role::ADMIN).await;
    let page = root.open(&format!("/admin/users/{}", kim.seq)).await;
    assert!(page.text(".page-head").contains("manager (not configured)"));
    let list = root.open("/admin/users?role=manager").await;
    assert_eq!(
        list.texts("td[data-label='Role']"),
        ["manager (not configured)"]
    );
    let security = root.open("/admin/security").await;
    assert!(security.text("main").contains("manager (1)"));
}

#[tokio::test]
async fn a_user_keeps_a_role_that_is_not_configured_any_more() {
    let app = App::with(with_manager);
    let root = app.admin("root").await;
    let kim = app.internal("kim", role("manager")).await;
    let app = app.restarted_with(|config| config.roles = RolesConfig::default());
    let root = root.at(&app);
    let path = format!("/api/users/{}", kim.seq);
    let kept = root
        .patch(&path, json!({"role": "manager", "name": "Kim"}))
        .await;
    let kept = kept.assert(200, "USER_UPDATED");
    assert_eq!(
        (&kept.data()["role"], &kept.data()["name"]),
        (&json!("manager"), &json!("Kim"))
    );
    kim.at(&app).get("/api/me").await.assert(200, "ME");
    for wrong in ["guest", "Manager", "boss"] {
        let answer = root.patch(&path, json!({"role": wrong})).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert!(answer.error("role").contains("staff"), "{wrong}");
    }
    let answer = root
        .patch("/api/users/999", json!({"role": "manager"}))
        .await;
    assert!(
        answer
            .assert(400, "INVALID_REQUEST")
            .error("role")
            .contains("staff")
    );
    // Not for other users.
    let root_path = format!("/api/users/{}", root.seq);
    let answer = root
        .patch(&root_path, root.confirmed(json!({"role": "manager"})))
        .await;
    answer.assert(400, "INVALID_REQUEST");
    let changed = root
        .patch(&path, root.confirmed(json!({"role": "staff"})))
        .await;
    changed.assert(200, "USER_UPDATED");
}

#[tokio::test]
async fn the_administrators_may_have_another_role() {
    let app = App::start();
    let ann = app.admin("ann").await;
    let app = app.restarted_with(|config| {
        config.roles = roles(json!({
            "chief": {"panel": "write", "api": "write"},
            "clerk": {"api": "list"},
        }));
    });
    let ann = ann.at(&app);
    ann.get("/api/users").await.assert(403, "FORBIDDEN");
    let (services, operator) = (app.services(), Actor::operator());
    let unknown = rename_role(services, &operator, &Role::ADMIN, &role("boss")).await;
    assert!(unknown.is_err());
    let changed = rename_role(services, &operator, &Role::ADMIN, &role("chief")).await;
    assert_eq!(changed.unwrap(), 1);
    let ann = ann.again().await;
    assert_eq!(ann.get("/api/me").await.data()["role"], "chief");
    // The default is the role with the fewest rights.
    let new = json!({"username": "new", "name": "New", "password": "correct horse battery"});
    let created = ann
        .post("/api/users", new)
        .await
        .assert(201, "USER_CREATED");
    assert_eq!(created.data()["role"], "clerk");
    let path = format!("/api/users/{}", ann.seq);
    let demoted = ann
        .patch(&path, ann.confirmed(json!({"role": "clerk"})))
        .await;
    demoted.assert(403, "FORBIDDEN");
}

#[tokio::test]
async fn the_last_administrator_is_the_last_of_all_roles_with_all_rights() {
    let app = App::with(|config| {
        config.roles = roles(json!({
            "admin": {"panel": "write", "api": "write"},
            "owner": {"panel": "write", "api": "write"},
            "editor": {"panel": "write", "api": "read"},
        }));
    });
    let ann = app.admin("ann").await;
    let bob = app.internal("bob", role("owner")).await;
    app.internal("eve", role("editor")).await;
    let of = |seq: i64| format!("/api/users/{seq}");
    // There is bob, with another role.
    let changed = ann
        .patch(&of(ann.seq), ann.confirmed(json!({"role": "editor"})))
        .await;
    changed.assert(200, "USER_UPDATED");
    for fields in [json!({"role": "editor"}), json!({"is_active": false})] {
        let answer = bob.patch(&of(bob.seq), bob.confirmed(fields)).await;
        answer.assert(403, "FORBIDDEN");
    }
    bob.delete(&of(bob.seq)).await.assert(403, "FORBIDDEN");
    // From one role with all rights to another nothing is lost.
    let changed = bob.patch(&of(bob.seq), json!({"role": "admin"})).await;
    changed.assert(200, "USER_UPDATED");
}

#[test]
fn rights_are_ordered() {
    assert!(PanelAccess::Write > PanelAccess::Read && PanelAccess::Read > PanelAccess::None);
    assert!(ApiAccess::Write > ApiAccess::Read && ApiAccess::List > ApiAccess::None);
}
