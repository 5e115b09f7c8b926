//! What takes something away from a service is in effect at once, for its secret and its access tokens, on every instance.

use munjigi::{domain::audit::Actor, services::service::changes};

use crate::support::{App, ServiceClient, wait_until};

/// Changes of a service that revoke its access tokens.
const CHANGES: [&str; 4] = ["deactivate", "delete", "rotate", "scopes"];

async fn change(app: &App, what: &str, service: &ServiceClient) {
    let (services, actor, number) = (app.services(), Actor::operator(), service.number);
    match what {
        "deactivate" => drop(
            changes::set_active(services, &actor, number, false)
                .await
                .unwrap(),
        ),
        "delete" => drop(changes::delete(services, &actor, number).await.unwrap()),
        "rotate" => drop(
            changes::rotate_secret(services, &actor, number)
                .await
                .unwrap(),
        ),
        _ => app.set_scopes(service, "a").await,
    }
}

#[tokio::test]
async fn a_change_that_takes_away_revokes_the_tokens_of_a_service_everywhere() {
    let one = App::start();
    let two = one.another_instance();
    let checker = one.service("checker", "").await;
    for what in CHANGES {
        let service = one.service(&format!("service-{what}"), "a b").await;
        let token = service.token().await;
        // Both instances have the service in their cache.
        for app in [&one, &two] {
            assert!(checker.at(app).is_active(&token).await, "{what}");
            assert!(service.at(app).is_active(&token).await, "{what}");
        }
        change(&one, what, &service).await;
        assert!(!checker.is_active(&token).await, "{what}");
        let elsewhere = checker.at(&two);
        wait_until("the revocation at the other instance", async || {
            (!elsewhere.is_active(&token).await).then_some(())
        })
        .await;
        for app in [&one, &two] {
            let answer = service.at(app).request_token().await;
            if what == "scopes" {
                let answer = answer.assert_oauth(200);
                assert_eq!(answer.body["scope"], "a");
                let new = answer.body["access_token"].as_str().unwrap();
                assert!(checker.at(app).is_active(new).await);
            } else {
                answer.assert_oauth_error(401, "invalid_client");
            }
        }
    }
}

/// Both instances accept new tokens of both, whether they have heard of the last change or not.
async fn assert_tokens_are_accepted(service: &ServiceClient, one: &App, two: &App) {
    for issuer in [two, one] {
        let token = service.at(issuer).token().await;
        for verifier in [one, two] {
            assert!(service.at(verifier).is_active(&token).await);
        }
    }
}

#[tokio::test]
async fn a_new_secret_and_a_new_activation_are_in_effect_at_once() {
    let one = App::start();
    let two = one.another_instance();
    let service = one.service("billing", "").await;
    let (services, actor) = (one.services(), Actor::operator());
    let old = service.at(&two).token().await;
    let rotated = changes::rotate_secret(services, &actor, service.number)
        .await
        .unwrap();
    let renewed = service.with_secret(&rotated.secret);
    assert_tokens_are_accepted(&renewed, &one, &two).await;
    assert!(!renewed.is_active(&old).await);
    for is_active in [false, true] {
        changes::set_active(services, &actor, service.number, is_active)
            .await
            .unwrap();
    }
    assert_tokens_are_accepted(&renewed, &one, &two).await;
}

#[tokio::test]
async fn adding_scopes_or_changing_the_description_revokes_nothing() {
    let app = App::start();
    let service = app.service("billing", "a").await;
    let token = service.token().await;
    app.set_scopes(&service, "a b").await;
    let answer = service.introspect(&token).await;
    assert_eq!(
        (&answer.body["active"], &answer.body["scope"]),
        (&true.into(), &"a".into())
    );
    let answer = service.request_token().await.assert_oauth(200);
    assert_eq!(answer.body["scope"], "a b");
}

#[tokio::test]
async fn revocations_of_services_survive_a_restart_and_leave_accounts_alone() {
    let app = App::start();
    let (ann, kim) = (app.user("ann").await, app.client("kim").await);
    let service = app.service("billing", "").await;
    let checker = app.service("checker", "").await;
    assert_eq!((ann.seq, kim.seq, service.number.get()), (1, 1, 1));
    let token = service.token().await;
    change(&app, "deactivate", &service).await;
    changes::set_active(app.services(), &Actor::operator(), service.number, true)
        .await
        .unwrap();
    let app = app.restarted_with(|_| ());
    let checker = checker.at(&app);
    assert!(!checker.is_active(&token).await);
    for person in [&ann, &kim] {
        let me = app.anonymous().get("/api/me").bearer(&person.access).await;
        me.assert(200, "ME");
    }
    let token = service.at(&app).token().await;
    assert!(checker.is_active(&token).await);
}
