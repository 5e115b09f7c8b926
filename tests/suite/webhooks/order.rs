//! When events are sent: in the order of each account, again and again for a day, and by one instance.

use std::time::Duration;

use munjigi::{
    domain::{account::Role, audit::Actor},
    services::webhooks::{
        deliver::{self, deliver_due},
        deliveries, endpoints,
    },
};

use super::{DAY, app, deliver as send, is, rows, set_active};
use crate::support::{
    App,
    receiver::{Answer, Receiver},
};

/// Three users; then an endpoint for their activations and deactivations.
async fn with_users(receiver: &Receiver) -> App {
    let app = app();
    for name in ["ann", "bob", "eva"] {
        app.make_user(name, Role::STAFF).await;
    }
    app.webhook_to(
        "hook",
        &receiver.url,
        &["account.deactivated", "account.activated"],
    )
    .await;
    app
}

#[actix_web::test]
async fn an_event_waits_for_the_earlier_ones_of_its_account_only() {
    let receiver = Receiver::start(&[Answer::status(500), Answer::status(200)]);
    let app = with_users(&receiver).await;
    set_active(&app, 1, false).await;
    send(&app).await;
    is(&receiver, &[("account.deactivated", 1)]);
    set_active(&app, 1, true).await;
    set_active(&app, 1, false).await;
    set_active(&app, 2, false).await;
    send(&app).await;
    is(
        &receiver,
        &[("account.deactivated", 1), ("account.deactivated", 2)],
    );
    app.advance(Duration::from_secs(5));
    send(&app).await;
    let mut expected = vec![("account.deactivated", 1), ("account.deactivated", 2)];
    expected.extend([
        ("account.deactivated", 1),
        ("account.activated", 1),
        ("account.deactivated", 1),
    ]);
    is(&receiver, &expected);
    // The id of an event is that of each attempt.
    let ids: Vec<String> = receiver
        .received()
        .iter()
        .map(|request| request.headers["webhook-id"].clone())
        .collect();
    assert_eq!(ids[0], ids[2]);
    assert_eq!(rows(&app, "delivered").await, 4);
}

#[actix_web::test]
async fn an_event_that_is_refused_for_a_day_is_a_dead_letter_and_can_be_sent_again() {
    let receiver = Receiver::start(&[Answer::status(500)]);
    let app = with_users(&receiver).await;
    set_active(&app, 1, false).await;
    set_active(&app, 1, true).await;
    let began = app.services().clock.now();
    // As often as the server looks: at each time at which an attempt is due.
    let mut attempts = Vec::new();
    for minute in 0..24 * 60 {
        let before = receiver.received().len();
        send(&app).await;
        if receiver.received().len() > before {
            attempts.push(minute);
        }
        app.advance(Duration::from_mins(1));
    }
    assert_eq!(rows(&app, "dead").await, 0);
    assert_eq!(attempts, [0, 1, 2, 7, 37, 97, 217, 457, 937, 1417]);
    assert_eq!(app.services().clock.now().since(began), DAY);
    send(&app).await;
    // The second one is as old, and gets one attempt.
    assert_eq!(rows(&app, "dead").await, 2);
    assert_eq!(receiver.received().len(), attempts.len() + 2);
    app.advance(DAY);
    send(&app).await;
    assert_eq!(receiver.received().len(), attempts.len() + 2);

    let (services, actor) = (app.services(), Actor::operator());
    let endpoint = endpoints::find_by_name(&services.store, "hook".into())
        .await
        .unwrap();
    let resent = deliveries::resend_dead(services, &actor, endpoint.number)
        .await
        .unwrap();
    assert_eq!((resent, rows(&app, "waiting").await), (2, 2));
    send(&app).await;
    assert_eq!(receiver.received().len(), attempts.len() + 3);
    let dead = deliveries::newest(&services.store, endpoint.number, false, 10)
        .await
        .unwrap();
    assert_eq!(
        dead[1].reason.as_deref(),
        Some("the endpoint responded with 500")
    );
    let again = deliveries::resend(services, &actor, endpoint.number, dead[1].id).await;
    assert!(!again.unwrap(), "it is waiting");
}

#[actix_web::test]
async fn two_instances_send_each_event_once_and_in_order() {
    let receiver = Receiver::start(&[Answer::late(Duration::from_millis(20))]);
    let app = with_users(&receiver).await;
    let other = app.another_instance();
    for number in 0..10 {
        for account in 1..=3 {
            set_active(&app, account, number % 2 == 1).await;
        }
    }
    let (one, two) = tokio::join!(deliver_due(app.services()), deliver_due(other.services()));
    one.unwrap();
    two.unwrap();
    // One may have ended while the other was sending the last events.
    send(&app).await;
    let received = super::types(&receiver.received());
    assert_eq!((received.len(), rows(&app, "delivered").await), (30, 30));
    for account in 1..=3 {
        let own = received.iter().filter(|(_, number)| *number == account);
        let own: Vec<&str> = own.map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(own, ["account.deactivated", "account.activated"].repeat(5));
    }
}

#[actix_web::test]
async fn an_event_of_an_instance_that_stopped_is_sent_again_after_a_minute() {
    let receiver = Receiver::start(&[]);
    let app = with_users(&receiver).await;
    set_active(&app, 1, false).await;
    set_active(&app, 1, true).await;
    let claim = "UPDATE webhook_deliveries SET attempts = 1, due_at = '2026-02-14 12:31:45.678901' WHERE id = \
        (SELECT MIN(id) FROM webhook_deliveries)";
    app.execute(claim).await;
    send(&app).await;
    is(&receiver, &[]);
    app.advance(Duration::from_mins(1));
    send(&app).await;
    is(
        &receiver,
        &[("account.deactivated", 1), ("account.activated", 1)],
    );
}

#[actix_web::test]
async fn an_endpoint_that_does_not_answer_does_not_delay_the_others() {
    let (slow, quick) = (
        Receiver::start(&[Answer::late(Duration::from_mins(10))]),
        Receiver::start(&[]),
    );
    let app = with_users(&quick).await;
    app.webhook_to("slow", &slow.url, &[]).await;
    set_active(&app, 1, false).await;
    let due = deliver::due_endpoints(app.services()).await.unwrap();
    assert_eq!(due.len(), 2);
    let services = app.services();
    tokio::select! {
        done = deliver::deliver(services, due[1]) => panic!("{done:?}"),
        received = async {
            slow.wait_for(1).await;
            deliver::deliver(services, due[0]).await.unwrap();
            quick.received()
        } => assert_eq!(received.len(), 1),
    }
}

/// 100,000 events for an endpoint that is down, all of one account or each of its own: looking for those that are due
/// reads few rows.
#[actix_web::test]
async fn a_long_queue_is_read_by_its_indexes() {
    let receiver = Receiver::start(&[Answer::status(500)]);
    let app = with_users(&receiver).await;
    set_active(&app, 1, false).await;
    for account in ["'user:1'", "'user:' || (1000 + n)"] {
        let many = format!(
            "INSERT INTO webhook_deliveries (endpoint_id, message_id, event_type, account, body, state, attempts, due_at, \
             retry_until, created_at, expires_at) WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < 500) SELECT 1, 'msg_' || n, 'account.updated', {account}, '{{}}', 'waiting', 0, '2026-02-14 12:30:45', \
             '2026-02-15 12:30:45', '2026-02-14 12:30:45', '2026-03-14 12:30:45' FROM numbers"
        );
        app.execute(&many).await;
    }
    // The server goes on a second later if no event of a batch was accepted.
    while !deliver::due_endpoints(app.services())
        .await
        .unwrap()
        .is_empty()
    {
        send(&app).await;
    }
    // The first of each account was tried once, and nothing is due until the next attempts.
    assert_eq!(receiver.received().len(), 501);
}
