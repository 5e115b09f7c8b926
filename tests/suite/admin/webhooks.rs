//! The pages of webhooks: creating, the secret that is shown once, changing, sending a test, sending again, deleting.

use munjigi::{
    domain::account::Role,
    http::admin::{paths, webhook_paths},
    services::webhooks::deliver::deliver_due,
};

use crate::support::{
    App, Browser, Page,
    receiver::{Answer, Receiver},
};

async fn create(browser: &Browser, name: &str, url: &str, events: &[&str]) -> Page {
    let mut fields = vec![("name", name), ("url", url)];
    fields.extend(events.iter().map(|event| ("events", *event)));
    browser.post(webhook_paths::NEW_WEBHOOK, &fields).await
}

/// The last audit event in the panel.
async fn last_event(browser: &Browser) -> String {
    let page = browser.open(paths::AUDIT).await;
    page.texts("main tbody tr")
        .first()
        .cloned()
        .unwrap_or_default()
}

#[tokio::test]
async fn a_webhook_is_created_and_its_secret_is_shown_once() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    assert!(browser.open(webhook_paths::WEBHOOKS).await.has(".empty"));
    let new = browser.open(webhook_paths::NEW_WEBHOOK).await;
    let all = new.count("input[name=events]");
    assert_eq!(new.count("input[name=events][checked]"), all);
    let url = "https://hooks.example.org/munjigi?key=hush-hush";
    let created = create(
        &browser,
        "audit",
        url,
        &["session.began", "account.created"],
    )
    .await;
    let path = webhook_paths::shown_webhook_secret(1);
    let page = browser.open(created.leads_to(&path).location()).await;
    let secret = page.text("#value");
    assert!(
        secret.starts_with("whsec_") && secret.len() == 50,
        "{secret}"
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let again = browser.get(&path).await.assert(410);
    assert!(!again.html.contains(&secret));
    let list = browser
        .open(webhook_paths::WEBHOOKS)
        .await
        .text("main tbody");
    assert!(
        list.contains("audit") && list.contains("https://hooks.example.org"),
        "{list}"
    );
    assert!(!list.contains("hush-hush"), "{list}");
    let shown = browser.open(&webhook_paths::webhook(1)).await;
    assert_eq!(shown.attr("input[name=url]", "value"), url);
    assert_eq!(
        shown.attrs("input[name=events][checked]", "value"),
        ["account.created", "session.began"]
    );
    assert!(!shown.html.contains(&secret));
    let event = last_event(&browser).await;
    assert!(
        event.contains("Webhook created") && event.contains("audit"),
        "{event}"
    );
    assert!(!browser.open(paths::AUDIT).await.html.contains("hush-hush"));
}

#[tokio::test]
async fn an_auditor_does_not_see_the_path_of_the_address() {
    let app = App::start();
    app.webhook_to(
        "audit",
        "https://hooks.example.org/munjigi?key=hush-hush",
        &[],
    )
    .await;
    let auditor = app.signed_in("eva", Role::AUDITOR).await;
    for path in [
        webhook_paths::WEBHOOKS.to_owned(),
        webhook_paths::webhook(1),
    ] {
        let page = auditor.open(&path).await;
        assert!(page.text("main").contains("https://hooks.example.org"));
        assert!(!page.html.contains("hush-hush"), "{path}");
    }
}

#[tokio::test]
async fn a_form_with_problems_keeps_what_was_entered() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    app.webhook("taken").await;
    let good = "https://hooks.example.org/";
    for (name, url, events) in [
        ("taken", good, vec!["session.began"]),
        ("Bad name", good, vec!["session.began"]),
        ("other", "http://hooks.example.org/", vec!["session.began"]),
        ("other", "https://10.0.0.1/", vec!["session.began"]),
        ("other", "hooks.example.org", vec!["session.began"]),
        ("other", good, vec![]),
        ("other", good, vec!["session.began", "webhook.test"]),
    ] {
        let page = create(&browser, name, url, &events).await.assert(422);
        assert_eq!(page.attr("input[name=name]", "value"), name);
        assert_eq!(page.attr("input[name=url]", "value"), url);
        assert_eq!(page.count(".has-errors"), 1, "{name} {url} {events:?}");
    }
    let path = webhook_paths::webhook(1);
    let page = browser.post(&path, &[("url", good)]).await.assert(422);
    assert_eq!(page.count(".has-errors"), 1);
}

#[tokio::test]
async fn an_administrator_changes_rotates_deactivates_and_deletes() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    app.webhook("hook").await;
    let path = webhook_paths::webhook(1);
    let fields = [
        ("url", "https://other.example.org/x"),
        ("events", "session.ended"),
    ];
    browser.post(&path, &fields).await.leads_to(&path);
    let page = browser.open(&path).await;
    assert_eq!(
        page.attrs("input[name=events][checked]", "value"),
        ["session.ended"]
    );
    assert!(last_event(&browser).await.contains("Webhook changed"));
    let confirm = browser.open(&webhook_paths::webhook_secret(1)).await;
    assert_eq!(
        confirm.attr("main form", "action"),
        webhook_paths::webhook_secret(1)
    );
    let rotated = browser.post(&webhook_paths::webhook_secret(1), &[]).await;
    let shown = browser
        .open(
            rotated
                .leads_to(&webhook_paths::shown_webhook_secret(1))
                .location(),
        )
        .await;
    assert!(shown.text("#value").starts_with("whsec_"));
    assert!(last_event(&browser).await.contains("secret rotated"));
    assert!(
        browser
            .open(&path)
            .await
            .text("#endpoint")
            .contains("Previous secret")
    );
    browser.open(&webhook_paths::deactivate_webhook(1)).await;
    let undo = browser
        .post(&webhook_paths::deactivate_webhook(1), &[])
        .await;
    let page = browser.open(undo.leads_to(&path).location()).await;
    assert_eq!(
        page.attr(".notice form", "action"),
        webhook_paths::activate_webhook(1)
    );
    assert!(!page.has("#test"));
    browser
        .post(&webhook_paths::activate_webhook(1), &[])
        .await
        .leads_to(&path);
    browser.open(&webhook_paths::delete_webhook(1)).await;
    browser
        .post(&webhook_paths::delete_webhook(1), &[])
        .await
        .leads_to(webhook_paths::WEBHOOKS);
    assert!(last_event(&browser).await.contains("Webhook deleted"));
    for path in [
        path,
        webhook_paths::webhook_secret(1),
        "/admin/webhooks/99".into(),
    ] {
        browser.get(&path).await.assert(404);
    }
}

#[actix_web::test]
async fn dead_letters_are_listed_and_sent_again() {
    let receiver = Receiver::start(&[
        Answer::status(503),
        Answer::status(503),
        Answer::status(204),
    ]);
    let app = App::with(|config| {
        config.event_webhooks.allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
        config.event_webhooks.http_hosts = vec!["127.0.0.1".to_owned()];
    });
    let browser = app.signed_in("ann", Role::ADMIN).await;
    app.webhook_to("hook", &receiver.url, &["account.created"])
        .await;
    let path = webhook_paths::webhook(1);
    assert!(
        browser
            .open(&path)
            .await
            .text("#newest")
            .contains("no events")
    );
    app.make_user("bob", Role::STAFF).await;
    app.advance(std::time::Duration::from_hours(24));
    browser.sign_in("ann").await;
    deliver_due(app.services()).await.unwrap();
    let page = browser.open(&path).await;
    let dead = page.text("#dead tbody");
    assert!(
        dead.contains("account.created") && dead.contains("responded with 503"),
        "{dead}"
    );
    assert_eq!(page.attr("#dead tbody a", "href"), "/admin/users/2");
    assert!(
        browser
            .open(webhook_paths::WEBHOOKS)
            .await
            .text("main tbody")
            .contains('1')
    );
    let id = page.attr("#dead input[name=delivery]", "value");
    let resend = webhook_paths::resend_webhook(1);
    browser
        .post(&resend, &[("delivery", &id)])
        .await
        .leads_to(&path);
    assert!(last_event(&browser).await.contains("sent again"));
    let page = browser.open(&path).await;
    assert!(!page.has("#dead") && !page.has("#newest input[name=delivery]"));
    deliver_due(app.services()).await.unwrap();
    app.advance(std::time::Duration::from_secs(5));
    browser
        .post(&webhook_paths::test_webhook(1), &[])
        .await
        .leads_to(&path);
    deliver_due(app.services()).await.unwrap();
    let rows = browser.open(&path).await.texts("#newest tbody .badge");
    assert!(rows.contains(&"Delivered".to_owned()), "{rows:?}");
    for odd in ["", "0", "999", "x"] {
        browser
            .post(&resend, &[("delivery", odd)])
            .await
            .assert(404);
    }
    browser
        .post(&webhook_paths::resend_dead_webhooks(1), &[])
        .await
        .leads_to(&path);
}
