//! Where events are sent to: public addresses over https, unless the settings allow others.

use std::time::Duration;

use munjigi::{
    domain::{
        account::Role,
        audit::Actor,
        problem::Problem,
        service::ServiceName,
        webhook::{EndpointUrl, EventTypes},
    },
    http::admin::{paths, webhook_paths},
    services::{
        Error,
        webhooks::{
            changes::{self, NewEndpoint},
            deliveries, endpoints,
        },
    },
};

use super::{app, deliver, is, rows};
use crate::support::{
    App,
    receiver::{Answer, Receiver},
};

async fn create(app: &App, name: &str, url: &str) -> Result<(), Error> {
    let new = NewEndpoint {
        name: ServiceName::parse(name).unwrap(),
        url: EndpointUrl::parse(url).unwrap(),
        events: EventTypes::all(),
    };
    let created = changes::create(app.services(), &Actor::operator(), new).await;
    created.map(|_| ())
}

/// The problem of an address.
async fn problem(app: &App, url: &str) -> Option<Problem> {
    match create(app, "hook", url).await.unwrap_err() {
        Error::Invalid(problems) => {
            let (field, problems) = problems.iter().next().unwrap();
            assert_eq!(field, "url");
            problems.first().cloned()
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_address_must_be_https_and_public() {
    let app = App::start();
    for url in ["http://hooks.example.org/", "http://127.0.0.1/"] {
        assert_eq!(problem(&app, url).await, Some(Problem::NeedsHttps), "{url}");
    }
    for url in [
        "https://127.0.0.1/",
        "https://10.0.0.7:8443/",
        "https://[::1]/",
        "https://169.254.169.254/",
    ] {
        assert_eq!(problem(&app, url).await, Some(Problem::NotPublic), "{url}");
    }
    create(&app, "hook", "https://hooks.example.org/")
        .await
        .unwrap();
}

/// The reason of the newest event of the only endpoint.
async fn reason(app: &App) -> String {
    let services = app.services();
    let endpoint = endpoints::find_by_name(&services.store, "hook".into())
        .await
        .unwrap();
    let newest = deliveries::newest(&services.store, endpoint.number, false, 1)
        .await
        .unwrap();
    newest[0].reason.clone().unwrap_or_default()
}

#[actix_web::test]
async fn a_name_that_leads_to_a_private_address_is_not_called() {
    let receiver = Receiver::start(&[]);
    let app = App::with(|config| {
        config.event_webhooks.http_hosts = vec!["localhost".to_owned()];
    });
    let url = receiver.url.replace("127.0.0.1", "localhost");
    create(&app, "hook", &url).await.unwrap();
    app.make_user("ann", Role::STAFF).await;
    deliver(&app).await;
    is(&receiver, &[]);
    let reason = reason(&app).await;
    assert!(
        reason.contains("the name leads to no public address"),
        "{reason}"
    );
}

#[actix_web::test]
async fn a_setting_that_was_withdrawn_is_obeyed() {
    let receiver = Receiver::start(&[]);
    let app = app();
    create(&app, "hook", &receiver.url).await.unwrap();
    app.make_user("ann", Role::STAFF).await;
    let app = app.restarted_with(|config| config.event_webhooks.http_hosts.clear());
    deliver(&app).await;
    assert!(
        reason(&app).await.contains("not https"),
        "{}",
        reason(&app).await
    );
    let app = app.restarted_with(|config| {
        config.event_webhooks.http_hosts = vec!["127.0.0.1".to_owned()];
        config.event_webhooks.allowed_networks.clear();
    });
    app.advance(super::DAY);
    deliver(&app).await;
    assert!(
        reason(&app).await.contains("neither public"),
        "{}",
        reason(&app).await
    );
    is(&receiver, &[]);
    assert_eq!(rows(&app, "dead").await, 1);
}

#[actix_web::test]
async fn redirects_are_not_followed() {
    let target = Receiver::start(&[]);
    let location: &'static str = Box::leak(target.url.clone().into_boxed_str());
    let receiver = Receiver::start(&[Answer::with(307, "location", location)]);
    let app = app();
    create(&app, "hook", &receiver.url).await.unwrap();
    app.make_user("ann", Role::STAFF).await;
    deliver(&app).await;
    is(&receiver, &[("account.created", 1)]);
    is(&target, &[]);
    assert_eq!(reason(&app).await, "the endpoint responded with 307");
}

#[tokio::test]
async fn there_are_at_most_twenty_endpoints_each_with_its_own_name() {
    let app = App::start();
    for number in 0..20 {
        create(
            &app,
            &format!("hook-{number}"),
            "https://hooks.example.org/",
        )
        .await
        .unwrap();
    }
    let error = create(&app, "hook", "https://hooks.example.org/")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    let services = app.services();
    let first = endpoints::find_by_name(&services.store, "hook-0".into())
        .await
        .unwrap();
    changes::delete(services, &Actor::operator(), first.number)
        .await
        .unwrap();
    let error = create(&app, "hook-1", "https://hooks.example.org/")
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::AlreadyExists { field: "name" }),
        "{error}"
    );
}

#[actix_web::test]
async fn a_deleted_endpoint_takes_its_events_with_it() {
    let receiver = Receiver::start(&[]);
    let app = app();
    create(&app, "hook", &receiver.url).await.unwrap();
    app.make_user("ann", Role::STAFF).await;
    assert_eq!(rows(&app, "waiting").await, 1);
    let services = app.services();
    let endpoint = endpoints::find_by_name(&services.store, "hook".into())
        .await
        .unwrap();
    changes::delete(services, &Actor::operator(), endpoint.number)
        .await
        .unwrap();
    deliver(&app).await;
    assert_eq!(rows(&app, "waiting").await, 0);
    is(&receiver, &[]);
}

#[actix_web::test]
async fn an_endpoint_that_responds_with_410_is_deactivated_once_and_its_events_wait() {
    // As many as are sent at once.
    let mut script = vec![Answer::status(410); 4];
    script.push(Answer::status(200));
    let receiver = Receiver::start(&script);
    let app = app();
    create(&app, "hook", &receiver.url).await.unwrap();
    for name in ["ann", "bob", "cem", "dan", "fay", "gus"] {
        app.make_user(name, Role::STAFF).await;
    }
    deliver(&app).await;
    let services = app.services();
    let find = async || {
        let found = endpoints::find_by_name(&services.store, "hook".into()).await;
        found.unwrap()
    };
    assert!(!find().await.is_active);
    assert_eq!(receiver.received().len(), 4, "the others are not sent");
    app.advance(super::DAY / 2);
    deliver(&app).await;
    assert_eq!(receiver.received().len(), 4);
    assert_eq!(rows(&app, "waiting").await, 6);
    let browser = app.signed_in("eva", Role::ADMIN).await;
    let path = webhook_paths::webhook(find().await.number);
    let page = browser.open(&path).await;
    let shown = page.text("#endpoint");
    assert!(shown.contains("410 (Gone)"), "{shown}");
    let events = browser.open(paths::AUDIT).await.texts("main tbody tr");
    let changes = events.iter().filter(|row| row.contains("Webhook changed"));
    assert_eq!(changes.count(), 1, "{events:?}");
    browser
        .post(&webhook_paths::activate_webhook(find().await.number), &[])
        .await
        .leads_to(&path);
    deliver(&app).await;
    assert_eq!(rows(&app, "waiting").await, 0);
    let page = browser.open(&path).await;
    assert!(!page.text("#endpoint").contains("410"));
}

#[actix_web::test]
async fn an_address_that_was_changed_meanwhile_is_not_deactivated() {
    let (old, new) = (
        Receiver::start(&[Answer(410, None, Duration::from_millis(500))]),
        Receiver::start(&[]),
    );
    let app = app();
    create(&app, "hook", &old.url).await.unwrap();
    app.make_user("ann", Role::STAFF).await;
    let (services, actor) = (app.services(), Actor::operator());
    let change = async {
        old.wait_for(1).await;
        let endpoint = endpoints::find_by_name(&services.store, "hook".into()).await;
        let (url, number) = (
            EndpointUrl::parse(&new.url).unwrap(),
            endpoint.unwrap().number,
        );
        let changed = changes::update(services, &actor, number, url, EventTypes::all());
        changed.await.unwrap()
    };
    let ((), changed) = futures_util::join!(deliver(&app), change);
    let found = endpoints::find(&services.store, changed.number).await;
    assert!(found.unwrap().is_active);
}
