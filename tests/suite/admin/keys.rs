//! The page "Keys": the list, and changes with the administrator's password.

use munjigi::{domain::account::Role, services::signing_keys::session_job::resume};

use crate::support::{App, Browser, Page, held_session::HeldSession, password_of, wait_until};

/// Sends a form with the right password.
async fn confirmed(browser: &Browser, path: &str, more: &[(&str, &str)]) -> Page {
    let password = password_of("root");
    let mut fields = vec![("current", password.as_str())];
    fields.extend(more);
    browser.post(path, &fields).await
}

/// The status of a call with an access token.
async fn call_with(app: &App, access: &str) -> u16 {
    let call = app.anonymous().get("/api/me").bearer(access);
    call.await.status
}

#[tokio::test]
async fn an_administrator_changes_the_keys_with_the_password() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    let first = app.services().tokens.key_id();
    let page = root.open("/admin/keys").await;
    assert_eq!(page.count("tbody tr"), 1);
    let row = page.text("tbody tr");
    assert!(
        row.contains(&first) && row.contains("HS256") && row.contains("Active"),
        "{row}"
    );

    app.outdate_proofs();
    let path = "/admin/keys/new";
    for current in ["", "wrong password"] {
        let fields = [("algorithm", "EdDSA"), ("current", current)];
        let page = root.post(path, &fields).await.assert(422);
        assert!(page.has("#current-error"), "{}", page.html);
    }
    let page = confirmed(&root, path, &[("algorithm", "none")])
        .await
        .assert(422);
    assert!(page.has("#algorithm-error"), "{}", page.html);
    assert_eq!(root.open("/admin/keys").await.count("tbody tr"), 1);
    confirmed(&root, path, &[("algorithm", "EdDSA")])
        .await
        .assert(303);
    let page = root.open("/admin/keys").await;
    assert_eq!(page.count("tbody tr"), 2);
    let promote = page.attr("tbody a[href$='/promote']", "href");

    let page = confirmed(&root, &promote, &[]).await.assert(422);
    assert!(
        page.text(".banner").contains("may not have fetched"),
        "{}",
        page.html
    );
    confirmed(&root, &promote, &[("at_once", "1")])
        .await
        .assert(303);
    assert_ne!(app.services().tokens.key_id(), first);
    assert_eq!(call_with(&app, &ann.access).await, 200);

    let revoke = format!("/admin/keys/{first}/revoke");
    let page = root.open(&revoke).await;
    assert!(
        page.text("#ends").contains("Ends 1 session."),
        "{}",
        page.html
    );
    app.outdate_proofs();
    let page = root.post(&revoke, &[]).await.assert(422);
    assert_eq!(page.texts("#current-error"), ["This field is required."]);
    assert_eq!(call_with(&app, &ann.access).await, 200);
    confirmed(&root, &revoke, &[]).await.assert(303);
    assert_eq!(call_with(&app, &ann.access).await, 401);
    let page = root.open("/admin/keys").await;
    assert!(page.text("tbody").contains("Revoked"), "{}", page.html);
    // It is revoked already.
    let page = confirmed(&root, &revoke, &[]).await.assert(422);
    assert!(
        page.text(".banner").contains("changed meanwhile"),
        "{}",
        page.html
    );
    root.get("/admin/keys/unknown/revoke").await.assert(404);
}

#[tokio::test]
async fn a_key_is_withdrawn_and_the_page_speaks_korean() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    confirmed(&root, "/admin/keys/new", &[("algorithm", "ES256")])
        .await
        .assert(303);
    let retire = root
        .open("/admin/keys")
        .await
        .attr("tbody a[href$='/retire']", "href");
    confirmed(&root, &retire, &[]).await.assert(303);
    let korean = app.browser().speaking("ko");
    korean.sign_in("root").await;
    let page = korean.open("/admin/keys").await;
    assert_eq!(page.text("h1"), "서명 키");
    assert!(page.text("tbody").contains("검증 전용"), "{}", page.html);
}

#[tokio::test]
async fn sessions_that_are_still_being_ended_are_on_the_page_of_a_job_that_cannot_be_stopped() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let kid = app.services().tokens.key_id();
    let held = HeldSession::last_of(&app.database().target(), &kid, 1_500);
    let revoked = confirmed(&root, &format!("/admin/keys/{kid}/revoke"), &[]).await;
    let job = revoked.assert(303).location().to_owned();
    assert!(job.starts_with("/admin/jobs/"), "{job}");
    let page = root.open(&job).await;
    assert_eq!(page.text("h1"), "Ending the sessions of a revoked key");
    let notice =
        "The key was revoked, and its tokens are refused. Its sessions are still being ended.";
    assert!(page.html.contains(notice), "{}", page.html);
    assert!(page.text("#job").contains(&kid), "{}", page.html);
    assert!(!page.has("#job form"), "{}", page.html);
    // On SQLite the job has failed, and goes on.
    held.release();
    app.execute("UPDATE jobs SET state = 'running', finished_at = NULL")
        .await;
    root.post(&format!("{job}/stop"), &[]).await.leads_to(&job);
    let asked = "SELECT COUNT(*) AS number FROM jobs WHERE stop_requested";
    assert_eq!(app.number(asked).await, 0);
    app.advance(std::time::Duration::from_secs(61));
    resume(app.services()).await.unwrap();
    wait_until("the end of the job", async || {
        let page = root.open(&job).await;
        page.text("#job").contains("Completed").then_some(())
    })
    .await;
    let page = root.open(&job).await;
    assert_eq!(page.text("#report"), "Report Ended 1,500");
    let page = root
        .open("/admin/audit?action=signing_key_sessions_ended")
        .await;
    assert!(
        page.text("tbody")
            .contains("Sessions of a revoked key ended"),
        "{}",
        page.html
    );
}
