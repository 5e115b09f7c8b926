//! Two administrators edit the same account: a form that is out of date is refused, and nothing that was entered is lost.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::{App, Browser, Page, password_of};

/// Submits the form of a page with its stamp and these values.
async fn submit(browser: &Browser, path: &str, page: &Page, values: &[(&str, &str)]) -> Page {
    let stamp = page.attr("form.form input[name=updated_at]", "value");
    let mut fields = vec![("updated_at", stamp.as_str())];
    fields.extend(values);
    browser.post(path, &fields).await
}

#[tokio::test]
async fn a_form_that_is_out_of_date_is_refused_and_keeps_the_input() {
    let app = App::start();
    let (ann, root) = (
        app.signed_in("ann", Role::ADMIN).await,
        app.signed_in("root", Role::ADMIN).await,
    );
    let bob = app.make_user("bob", Role::STAFF).await;
    let (person, edit) = (paths::USERS.person(bob), paths::USERS.person(bob).edit());
    let (of_ann, of_root) = (ann.open(&edit).await, root.open(&edit).await);
    app.advance(Duration::from_secs(1));
    let by_root = [
        ("email", "bob@example.org"),
        ("name", "Robert"),
        ("role", "auditor"),
        ("is_active", "true"),
    ];
    submit(&root, &edit, &of_root, &by_root).await.assert(303);
    let own = password_of("ann");
    let by_ann = [
        ("email", "bobby@example.org"),
        ("current", own.as_str()),
        ("name", "Bobby"),
        ("role", "staff"),
        ("is_active", "true"),
    ];
    let refused = submit(&ann, &edit, &of_ann, &by_ann).await.assert(409);
    let message = refused.text("#conflict");
    for part in [
        "changed by root@example.org",
        "2026-02-14 12:30:46",
        "Nothing was saved",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // The input is kept, and nothing was saved.
    assert_eq!(refused.attr("#name", "value"), "Bobby");
    assert_eq!(refused.attr("#email", "value"), "bobby@example.org");
    assert_eq!(refused.attr("#role option[selected]", "value"), "staff");
    assert_eq!(ann.open(&person).await.text("h1"), "Robert");
    // A reload shows the current values.
    let current = ann.open(&refused.attr("#conflict a", "href")).await;
    assert_eq!(current.attr("#name", "value"), "Robert");
    assert_eq!(current.attr("#role option[selected]", "value"), "auditor");
    // A form with another problem in between is still out of date.
    let mut invalid = by_ann;
    invalid[0].1 = "no address";
    let page = submit(&ann, &edit, &of_ann, &invalid).await.assert(422);
    assert_eq!(submit(&ann, &edit, &page, &by_ann).await.status, 409);
    // The refused form has the new stamp.
    submit(&ann, &edit, &refused, &by_ann).await.assert(303);
    assert_eq!(ann.open(&person).await.text("h1"), "Bobby");
    // The other form is out of date by now.
    let refused = submit(&root, &edit, &of_root, &by_root).await.assert(409);
    assert!(
        refused
            .text("#conflict")
            .contains("changed by ann@example.org")
    );
}

#[tokio::test]
async fn a_login_is_no_conflict_and_every_update_is_one() {
    let app = App::start();
    app.make_user("ann", Role::ADMIN).await;
    let ann = app.browser().speaking("ko");
    ann.sign_in("ann").await;
    let client = app.client("acme").await;
    let edit = paths::CLIENTS.person(client.seq).edit();
    let values = [
        ("username", "acme"),
        ("name", "Acme"),
        ("is_active", "true"),
    ];
    let form = ann.open(&edit).await;
    app.advance(Duration::from_secs(1));
    client.again().await;
    submit(&ann, &edit, &form, &values).await.assert(303);
    let form = ann.open(&edit).await;
    // An update outside the audit log, a microsecond later.
    let later =
        "UPDATE client_users SET is_active = false, updated_at = '2026-02-14 12:30:46.678902'";
    app.execute(later).await;
    let refused = submit(&ann, &edit, &form, &values).await.assert(409);
    assert!(refused.text("#conflict").contains("계정이 변경되었습니다."));
    assert_eq!(refused.attr("#is_active option[selected]", "value"), "true");
    let current = ann.open(&edit).await;
    assert_eq!(
        current.attr("#is_active option[selected]", "value"),
        "false"
    );
    submit(&ann, &edit, &current, &values).await.assert(303);
}

#[tokio::test]
async fn the_form_of_a_new_account_has_no_stamp() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for list in [paths::USERS, paths::CLIENTS] {
        let page = root.open(&list.new_form()).await;
        assert!(!page.has("input[name=updated_at]"));
    }
}

/// The fields of a form as a browser sends them, with some values replaced.
fn fields_of(page: &Page, changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let form = "#account-form";
    let inputs = format!("{form} input:not([type=password]):not([name=csrf])");
    let names = page.attrs(&inputs, "name");
    let mut fields: Vec<(String, String)> = names
        .into_iter()
        .zip(page.attrs(&inputs, "value"))
        .collect();
    for select in ["role", "is_active"] {
        let chosen = page.attrs(&format!("{form} #{select} option[selected]"), "value");
        fields.extend(chosen.into_iter().map(|value| (select.to_owned(), value)));
    }
    for (name, value) in changed {
        fields.retain(|(other, _)| other != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    fields
}

async fn send(browser: &Browser, path: &str, fields: &[(String, String)]) -> Page {
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.post(path, &fields).await
}

#[tokio::test]
async fn fields_that_only_one_changed_are_merged_and_only_the_others_are_asked_about() {
    let app = App::start();
    let (ann, root) = (
        app.signed_in("ann", Role::ADMIN).await,
        app.signed_in("root", Role::ADMIN).await,
    );
    let acme = app.client("acme").await;
    let (person, edit) = (
        paths::CLIENTS.person(acme.seq),
        paths::CLIENTS.person(acme.seq).edit(),
    );
    let (of_ann, second) = (ann.open(&edit).await, ann.open(&edit).await);
    let of_root = root.open(&edit).await;
    app.advance(Duration::from_secs(1));
    let by_root = fields_of(&of_root, &[("name", "Acme Corporation")]);
    send(&root, &edit, &by_root).await.leads_to(&person);
    // ann changed only the external id: the new name stays, and nobody is asked.
    app.advance(Duration::from_secs(1));
    let by_ann = fields_of(&of_ann, &[("external_id", "A-1")]);
    send(&ann, &edit, &by_ann).await.leads_to(&person);
    let page = ann.open(&person).await;
    assert_eq!(page.text("h1"), "Acme Corporation");
    assert!(page.text("#profile").contains("A-1"));
    // Both changed the name; the external id of the old form is not one of ann's changes.
    let by_ann = fields_of(&second, &[("name", "Acme Ltd.")]);
    let asked = send(&ann, &edit, &by_ann).await.assert(409);
    assert_eq!(asked.count("#clashes li"), 1);
    assert!(asked.text("#clashes").contains("Acme Corporation"));
    assert_eq!(asked.attr("#name", "value"), "Acme Ltd.");
    assert_eq!(asked.attr("#external_id", "value"), "A-1");
    let take = fields_of(&asked, &[("take", "name")]);
    let taken = send(&ann, &edit, &take).await.assert(409);
    assert_eq!(taken.attr("#name", "value"), "Acme Corporation");
    assert!(!taken.has("#clashes"));
    // Sent again, the form overwrites the change.
    send(&ann, &edit, &fields_of(&asked, &[]))
        .await
        .leads_to(&person);
    assert_eq!(ann.open(&person).await.text("h1"), "Acme Ltd.");
}
