//! The current password, needed in forms whose changes could take an account over.

use munjigi::domain::account::Role;

use crate::support::{App, Page, password_of};

const NEW: &str = "a new password, long enough";
const ERRORS: &str = "#current-error";

/// Submits a form without the password, with a wrong one and with the right one; returns the last answer.
async fn submitted(app: &App, path: &str, fields: &[(&str, &str)]) -> Page {
    let root = app.browser();
    root.sign_in("root").await;
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
    let root = app.make_user("root", Role::Admin).await;
    let (ann, acme) = (
        app.make_user("ann", Role::Staff).await,
        app.make_client("acme").await,
    );
    let of_ann = [("email", "ann@example.org"), ("name", "ann")];
    let promoted = [of_ann[0], of_ann[1], ("role", "admin")];
    let other_password = [of_ann[0], of_ann[1], ("role", "staff"), ("password", NEW)];
    let of_acme = [("username", "acme"), ("name", "acme"), ("password", NEW)];
    let own_address = [("email", "other@example.org"), ("name", "root")];
    let new = [
        ("email", "new@example.org"),
        ("name", "New"),
        ("role", "admin"),
    ];
    for (path, fields) in [
        (format!("/admin/users/{ann}/edit"), &other_password[..]),
        (format!("/admin/users/{ann}/edit"), &promoted),
        (format!("/admin/clients/{acme}/edit"), &of_acme),
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
    let path = format!("/admin/users/{root}/edit");
    submitted(&app, &path, &own_address).await.assert(303);
}

#[tokio::test]
async fn ones_own_form_has_no_password_to_set() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
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
    let root = app.signed_in("root", Role::Admin).await;
    app.make_user("ann", Role::Staff).await;
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
