//! `munjigi webhooks`, and a server that sends the events of commands.

use super::{place::Place, receiver::Receiver};

#[test]
fn an_endpoint_is_created_listed_changed_and_deleted() {
    let place = Place::new();
    place.migrate();
    let database = place.database_name();
    let create = [
        "webhooks",
        "create",
        "audit",
        "https://hooks.example.org/munjigi",
        "--event",
        "session.began",
        "--event",
        "account.created",
    ];
    let printed = place.done(&create, "");
    let lines: Vec<&str> = printed.lines().collect();
    let done = format!("Endpoint 1 audit was created ({database}).");
    assert_eq!(&lines[..2], [&done, "Its secret, which is shown only now:"]);
    assert!(lines[2].starts_with("whsec_") && lines[2].len() == 50);
    let created = place.json(
        &["webhooks", "create", "all", "https://hooks.example.org/"],
        "",
    );
    assert!(created["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(created["events"].as_array().unwrap().len() > 30);
    let again = place.run_with_input(&create, "");
    assert_eq!(
        again.stderr,
        "munjigi: there is an endpoint audit already\n"
    );
    let expected = "\
number  name   active  waiting  dead  url                                events
2       all    yes     0        0     https://hooks.example.org/         all
1       audit  yes     0        0     https://hooks.example.org/munjigi  account.created session.began
";
    assert_eq!(place.done(&["webhooks", "list"], ""), expected);
    let rotated = place.done(&["webhooks", "rotate-secret", "audit"], "");
    assert!(rotated.contains("for 24 hours"), "{rotated}");
    assert_ne!(rotated.lines().last(), lines.last().copied());
    let inactive = place.json(&["webhooks", "deactivate", "audit"], "");
    assert_eq!(inactive["is_active"], false);
    assert_eq!(
        place.json(&["webhooks", "activate", "audit"], "")["is_active"],
        true
    );
    assert_eq!(
        place.json(&["webhooks", "resend", "audit"], "")["resent"],
        0
    );
    let missing = place.run_with_input(&["webhooks", "resend", "audit", "--delivery", "7"], "");
    assert_eq!(
        missing.stderr,
        "munjigi: the endpoint audit has no event 7\n"
    );
    let deleted = place.done(&["webhooks", "delete", "audit"], "");
    assert_eq!(
        deleted,
        format!("Endpoint 1 audit was deleted ({database}).\n")
    );
    let missing = place.run_with_input(&["webhooks", "delete", "audit"], "");
    assert_eq!(missing.stderr, "munjigi: there is no endpoint audit\n");
    let verified = place.done(&["audit", "verify"], "");
    assert!(verified.contains("intact"), "{verified}");
}

#[test]
fn wrong_addresses_and_types_are_refused() {
    let place = Place::new();
    place.migrate();
    let url = "https://hooks.example.org/";
    for (words, code, reason) in [
        (["Audit", url, "session.began"], 2, "lower-case"),
        (
            ["audit", "hooks.example.org", "session.began"],
            2,
            "https://",
        ),
        (["audit", url, "session"], 2, "account.created"),
        (
            ["audit", "http://hooks.example.org/", "session.began"],
            1,
            "http_hosts",
        ),
        (
            ["audit", "https://192.168.0.1/", "session.began"],
            1,
            "allowed_networks",
        ),
    ] {
        let [name, url, kind] = words;
        let refused = place.run_with_input(&["webhooks", "create", name, url, "--event", kind], "");
        assert_eq!(refused.code, Some(code), "{refused:?}");
        assert!(refused.stderr.contains(reason), "{refused:?}");
    }
}

/// The first attempt is answered with 503; the server tries again after five seconds.
#[test]
fn a_server_sends_the_events_of_commands_and_shows_what_waits() {
    let receiver = Receiver::start();
    let place = Place::new()
        .with("MUNJIGI_EVENT_WEBHOOKS__ALLOWED_NETWORKS", "127.0.0.0/8")
        .with("MUNJIGI_EVENT_WEBHOOKS__HTTP_HOSTS", "127.0.0.1");
    place.migrate();
    let create = [
        "webhooks",
        "create",
        "hook",
        &receiver.url,
        "--event",
        "account.created",
    ];
    place.done(&create, "");
    place.user("ann@example.org", "staff");
    let waiting = place.json(&["webhooks", "list"], "");
    assert_eq!(waiting[0]["waiting"], 1);
    let server = place.serve();
    let bodies = receiver.wait_for(2);
    assert!(
        bodies.iter().all(|body| body["type"] == "account.created"),
        "{bodies:?}"
    );
    assert_eq!(bodies[0], bodies[1]);
    drop(server);
}
