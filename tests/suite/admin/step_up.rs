//! The current password, needed in forms whose changes could take an account over.

use munjigi::domain::account::Role;

use super::bulk::select;
use crate::support::{App, Page, password_of, wait_until};

const NEW: &str = "a new password, long enough";
const ERRORS: &str = "#current-error";

/// Submits a form without the password, with a wrong one and with the right one; returns the last answer.
async fn submitted(app: &App, path: &str, fields: &[(&str, &str)]) -> Page {
    let root = app.browser();
    root.sign_in("root").await;
    app.outdate_proofs();
    let page = root.post(path, fields).await.assert(422);
    assert_eq!(page.texts(ERRORS), ["This field is required."], "{path}");
    let own = password_of("root");
    let mut answer = page;
    for (password, error) in [
        (
            "not my password",
            Some("The current password is incorrect."),
        ),
        (own.as_str(), None),
    ] {
        let mut fields = fields.to_vec();
        fields.push(("current", password));
        answer = root.post(path, &fields).await;
        assert_eq!(
            answer.texts(ERRORS).first().map(String::as_str),
            error,
            "{path}"
        );
    }
    answer
}

#[tokio::test]
async fn an_open_browser_alone_takes_no_account_over() {
    let app = App::start();
    let root = app.make_user("root", Role::ADMIN).await;
    let (ann, acme) = (
        app.make_user("ann", Role::STAFF).await,
        app.make_client("acme").await,
    );
    let of_ann = [("email", "ann@example.org"), ("name", "ann")];
    let promoted = [of_ann[0], of_ann[1], ("role", "admin")];
    let other_password = [of_ann[0], of_ann[1], ("role", "staff"), ("password", NEW)];
    let of_acme = [("username", "acme"), ("name", "acme"), ("password", NEW)];
    let amy = app.make_user("amy", Role::ADMIN).await;
    app.execute("UPDATE users SET is_active = FALSE WHERE email = 'amy@example.org'")
        .await;
    let address = [("email", "anna@example.org"), of_ann[1], ("role", "admin")];
    let mailed = [of_acme[0], of_acme[1], ("email", "it@example.org")];
    let called = [of_acme[0], of_acme[1], ("phone", "+82 10-9999-9999")];
    let own_address = [("email", "other@example.org"), ("name", "root")];
    let new = [
        ("email", "new@example.org"),
        ("name", "New"),
        ("role", "admin"),
    ];
    for (path, fields) in [
        (format!("/admin/users/{ann}/edit"), &other_password[..]),
        (format!("/admin/users/{ann}/edit"), &promoted),
        (format!("/admin/users/{ann}/edit"), &address),
        (format!("/admin/users/{amy}/activate"), &[]),
        (format!("/admin/clients/{acme}/edit"), &of_acme),
        (format!("/admin/clients/{acme}/edit"), &mailed),
        (format!("/admin/clients/{acme}/edit"), &called),
        ("/admin/users/new".to_owned(), &new),
        (format!("/admin/users/{ann}/link"), &[]),
        (format!("/admin/clients/{acme}/link"), &[]),
    ] {
        let answer = submitted(&app, &path, fields).await;
        assert!(
            [200, 303].contains(&answer.status),
            "{path} {}",
            answer.html
        );
    }
    let activated = "SELECT COUNT(*) AS number FROM users WHERE is_active";
    assert_eq!(app.number(activated).await, 4);
    let path = format!("/admin/users/{root}/edit");
    submitted(&app, &path, &own_address).await.assert(303);
}

#[tokio::test]
async fn ones_own_form_has_no_password_to_set() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    app.outdate_proofs();
    let path = "/admin/users/1/edit";
    let page = root.open(path).await;
    assert!(page.has("input[name=current]") && !page.has("input[name=password]"));
    let own = password_of("root");
    let fields = [
        ("email", "root@example.org"),
        ("name", "root"),
        ("password", NEW),
        ("current", own.as_str()),
    ];
    root.post(path, &fields).await.assert(422);
    app.browser().sign_in("root").await;
}

#[tokio::test]
async fn wrong_current_passwords_in_forms_count_as_failed_logins() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    app.make_user("ann", Role::STAFF).await;
    app.outdate_proofs();
    for _ in 0..5 {
        let fields = [("current", "not my password")];
        root.post("/admin/users/2/link", &fields).await.assert(422);
    }
    let fields = [("current", password_of("root"))];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    root.post("/admin/users/2/link", &fields).await.assert(429);
}

#[tokio::test]
async fn the_page_of_an_administrator_leads_to_a_confirmation_with_the_password() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let (amy, ann) = (
        app.make_user("amy", Role::ADMIN).await,
        app.make_user("ann", Role::STAFF).await,
    );
    app.execute("UPDATE users SET is_active = FALSE WHERE email <> 'root@example.org'")
        .await;
    let page = root.open(&format!("/admin/users/{amy}")).await;
    let confirmation = page.attr(".actions a[href$='/activate']", "href");
    assert!(!page.has(".actions form[action$='/activate']"));
    app.outdate_proofs();
    let page = root.open(&confirmation).await;
    assert!(page.has("form[action$='/activate'] input[name=current][required]"));
    // Others are activated by one click.
    let page = root.open(&format!("/admin/users/{ann}")).await;
    let form = page.attr(".actions form[action$='/activate']", "action");
    root.post(&form, &[]).await.assert(303);
}

#[tokio::test]
async fn bulk_actions_need_the_password() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let amy = app.make_user("amy", Role::ADMIN).await;
    app.execute("UPDATE users SET is_active = FALSE WHERE email = 'amy@example.org'")
        .await;
    let (id, own) = (amy.to_string(), password_of("root"));
    app.outdate_proofs();
    let page = select(&root, "users", "activate", &[amy]).await;
    assert!(page.has("form.confirm input[name=current][required]"));
    let active = "SELECT COUNT(*) AS number FROM users WHERE is_active";
    let request = [
        ("action", "activate"),
        ("selected", &id),
        ("confirmed", "1"),
    ];
    for (password, error) in [
        ("", "This field is required."),
        ("not my password", "The current password is incorrect."),
    ] {
        let fields = [&request[..], &[("current", password)]].concat();
        let page = root.post("/admin/users/actions", &fields).await.assert(422);
        assert_eq!(page.texts(ERRORS), [error]);
        // The selection is kept.
        assert_eq!(page.attr("form.confirm input[name=selected]", "value"), id);
        assert_eq!(app.number(active).await, 1);
    }
    let fields = [&request[..], &[("current", own.as_str())]].concat();
    root.post("/admin/users/actions", &fields).await.assert(303);
    wait_until("the activation", async || {
        (app.number(active).await == 2).then_some(())
    })
    .await;
    let acme = app.make_client("acme").await;
    app.execute("UPDATE client_users SET is_active = FALSE")
        .await;
    for (list, action, id) in [("users", "deactivate", amy), ("clients", "activate", acme)] {
        // The proof is recent.
        let page = select(&root, list, action, &[id]).await.assert(200);
        assert!(!page.has("input[name=current]"), "{list} {action}");
        app.outdate_proofs();
        let page = select(&root, list, action, &[id]).await.assert(200);
        assert!(page.has("input[name=current]"), "{list} {action}");
        let fields = [("current", own.as_str())];
        root.post("/admin/users/1/link", &fields)
            .await
            .leads_to("/admin/users/1/link/shown");
    }
}
