//! The change of the viewer's e-mail address in the panel.

use munjigi::{domain::account::Role, http::admin::paths};

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{App, password_of},
};

#[tokio::test]
#[ignore = "tests/run"]
async fn an_auditor_changes_the_own_address_by_a_proof_and_a_link() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let eva = app.signed_in("eva", Role::AUDITOR).await;
    let page = eva.open(paths::ACCOUNT).await;
    assert!(page.text("#email").contains("eva@example.org"));
    let form = page.attr("#email a.button", "href");
    app.outdate_proofs();
    let page = eva.open(&form).await;
    assert!(page.has("input[name=email]") && page.has("input[name=current][required]"));
    let own = password_of("eva");
    for (address, current, error) in [
        ("", own.as_str(), "#email-error"),
        ("no address", &own, "#email-error"),
        ("new@example.org", "", "#current-error"),
        ("new@example.org", "not my password", "#current-error"),
    ] {
        let fields = [("email", address), ("current", current)];
        let page = eva.post(&form, &fields).await.assert(422);
        assert!(page.has(error), "{address} {current}");
        assert_eq!(page.attr("input[name=email]", "value"), address);
    }
    let fields = [("email", "new@example.org"), ("current", own.as_str())];
    eva.post(&form, &fields).await.leads_to(paths::ACCOUNT);
    let mut link = None;
    while link.is_none() {
        let mail = server.next().await;
        let text = mail["text"].as_str().unwrap().to_owned();
        let at = text.find("/account/email/");
        link = at.map(|at| text[at..].split_whitespace().next().unwrap().to_owned());
    }
    let link = link.unwrap();
    // The address changes with the button of the page only.
    let visitor = app.browser();
    visitor.open(&link).await;
    assert!(
        eva.open(paths::ACCOUNT)
            .await
            .text("#email")
            .contains("eva@")
    );
    visitor
        .post(&link, &[])
        .await
        .leads_to(paths::EMAIL_CONFIRMED);
    assert!(
        eva.open(paths::ACCOUNT)
            .await
            .text("#email")
            .contains("new@")
    );
}

#[tokio::test]
async fn without_mail_the_page_is_missing() {
    let app = App::start();
    let eva = app.signed_in("eva", Role::AUDITOR).await;
    let page = eva.open(paths::ACCOUNT).await;
    assert!(page.has("#email") && !page.has("#email a.button"));
    eva.get(paths::OWN_EMAIL).await.assert(404);
    let fields = [("email", "new@example.org")];
    eva.post(paths::OWN_EMAIL, &fields).await.assert(404);
}
