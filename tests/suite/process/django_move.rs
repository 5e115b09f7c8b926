//! A real site of Django with SimpleJWT moves to munjigi: everybody logs in with the old password, and nobody is logged out.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};

use super::{
    client::{Answer, Client},
    django_site::{SITE_KEY, Site},
    place::{Place, SIGNING_KEY, write},
};

/// A site, and a place where it can be imported, with the routes of SimpleJWT and Django's key.
fn moving() -> (Site, Place) {
    let place = Place::new().with_signing_key();
    write(&place.path("django.key"), &format!("{SITE_KEY}\n"));
    let place = place
        .with("MUNJIGI_DJANGO__SECRET_KEY_FILE", "django.key")
        .with("MUNJIGI_SIMPLEJWT__ENABLED", "true")
        .with("MUNJIGI_SIMPLEJWT__USER_ID_CLAIM", "user_id");
    place.migrate();
    (Site::populated(), place)
}

/// Imports the site. Every account and token of it can be imported.
pub fn import(place: &Place, site: &Site) -> Value {
    let from = site.database.url();
    let arguments = [
        "import",
        "django",
        "--from",
        &from,
        "--clients",
        "accounts_clientuser",
        "--role",
        "superuser=admin",
    ];
    place.json(&arguments, "")
}

fn log_in(client: &mut Client, account: &Value, user_type: &str) -> Answer {
    let body = json!({"username": account["username"], "password": account["password"], "user_type": user_type});
    client.post("/auth/login", &[], &body)
}

fn refresh(client: &mut Client, token: &Value) -> Answer {
    client.post("/auth/refresh", &[], &json!({"refresh": token}))
}

#[test]
#[ignore = "tests/run"]
fn everybody_logs_in_with_the_old_password() {
    let (site, place) = moving();
    // The server runs while the site is imported.
    let server = place.serve();
    import(&place, &site);
    let left = |place: &Place| {
        let checked = place.run(&["check", "--json"]);
        let found: Value = serde_json::from_str(&checked.stdout).unwrap();
        let checks = found["checks"].as_array().unwrap().clone();
        let hashes = checks
            .iter()
            .find(|check| check["check"] == "imported_hashes");
        hashes.unwrap()["found"].as_str().unwrap().to_owned()
    };
    let before = left(&place);
    for format in [
        "pbkdf2_sha256",
        "pbkdf2_sha1",
        "argon2",
        "bcrypt_sha256",
        "bcrypt",
        "scrypt",
        "md5",
    ] {
        assert!(before.contains(&format!("{format} ")), "{format}: {before}");
    }
    let mut client = server.client();
    for (name, user_type) in [("users", "user"), ("clients", "client")] {
        for account in site.made(name) {
            let answer = log_in(&mut client, account, user_type);
            let expected = if account["works"] == true { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{account}: {answer:?}");
            if expected == 200 {
                let me = client.get("/api/me", answer.body["data"]["access"].as_str().unwrap());
                assert_eq!(me.body["data"]["user_seq"], account["id"], "{me:?}");
            }
        }
    }
    // By e-mail address, and by the route of SimpleJWT.
    let user = &site.made("users")[0];
    let body =
        json!({"username": user["email"], "password": user["password"], "user_type": "user"});
    assert_eq!(client.post("/auth/login", &[], &body).status, 200);
    let body = json!({"username": user["username"], "password": user["password"]});
    let pair = client.post("/api/token/", &[], &body);
    assert_eq!(pair.status, 200, "{pair:?}");
    assert!(pair.body["refresh"].is_string() && pair.body["access"].is_string());
    // Of the inactive ones.
    super::server::eventually(|| left(&place) == "md5 2");
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn every_live_refresh_token_buys_one_pair_and_no_other_token_does() {
    let (site, place) = moving();
    import(&place, &site);
    let place = place
        .with("MUNJIGI_TOKENS__REUSE_GRACE", "0s")
        .with("MUNJIGI_TOKENS__RECOVER_LOST_ANSWER", "false");
    let server = place.serve();
    let mut client = server.client();
    for token in site.made("live") {
        let answer = refresh(&mut client, &token["refresh"]);
        assert_eq!(answer.status, 200, "{token}: {answer:?}");
        let me = client.get("/api/me", answer.body["data"]["access"].as_str().unwrap());
        let found = (&me.body["data"]["user_type"], &me.body["data"]["user_seq"]);
        assert_eq!(found, (&token["type"], &token["id"]), "{me:?}");
        let next = refresh(&mut client, &answer.body["data"]["refresh"]);
        assert_eq!(next.status, 200, "{token}: {next:?}");
        // The second exchange of a token is reuse: it is refused and ends the session.
        assert_eq!(refresh(&mut client, &token["refresh"]).status, 401);
        assert_eq!(
            refresh(&mut client, &next.body["data"]["refresh"]).status,
            401
        );
    }
    for token in site.made("blacklisted") {
        let answer = refresh(&mut client, token);
        assert_eq!(
            (answer.status, answer.code()),
            (401, "TOKEN_BLACKLISTED"),
            "{answer:?}"
        );
        let answer = client.post("/api/token/refresh/", &[], &json!({"refresh": token}));
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body["detail"], "Token is blacklisted", "{answer:?}");
    }
    for token in site.made("unbooked") {
        assert_eq!(refresh(&mut client, token).status, 401);
    }
    for name in ["expired", "refresh_of_inactive"] {
        assert_eq!(refresh(&mut client, &site.made[name]).status, 401, "{name}");
    }
    for token in site.made("access") {
        let me = client.get("/api/me", token["access"].as_str().unwrap());
        assert_eq!(
            (me.status, &me.body["data"]["user_seq"]),
            (200, &token["id"])
        );
    }
    server.stop();
    let place = place.with("MUNJIGI_DJANGO__ACCEPT_UNBOOKED", "true");
    let server = place.serve();
    let mut client = server.client();
    for token in site.made("unbooked") {
        assert_eq!(refresh(&mut client, token).status, 200);
        assert_eq!(refresh(&mut client, token).status, 401, "a second time");
    }
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn parallel_exchanges_of_one_token_give_one_successor() {
    let (site, place) = moving();
    import(&place, &site);
    let server = place.serve();
    let token = &site.made["parallel"];
    let answers: Vec<Answer> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| refresh(&mut server.client(), token)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    // All within the grace period: each gets the same successor.
    let successors: BTreeSet<&str> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.body["data"]["refresh"].as_str().unwrap()
        })
        .collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn a_view_of_the_site_takes_access_tokens_of_munjigi() {
    let (site, place) = moving();
    import(&place, &site);
    let server = place.serve();
    let mut client = server.client();
    let user = &site.made("users")[0];
    let pair = client.post(
        "/api/token/",
        &[],
        &json!({"username": user["username"], "password": user["password"]}),
    );
    // The one setting that the site changes: the key.
    let django = site.serve(&json!({"SIGNING_KEY": SIGNING_KEY}));
    let mut view = Client::new(django.url.strip_prefix("http://").unwrap().parse().unwrap());
    let me = view.get("/api/me", pair.body["access"].as_str().unwrap());
    assert_eq!(
        me.body,
        json!({"id": user["id"], "username": user["username"]}),
        "{me:?}"
    );
    let refused = view.get("/api/me", pair.body["refresh"].as_str().unwrap());
    assert_eq!(refused.status, 401);
    // A refreshed token too.
    let next = client.post(
        "/api/token/refresh/",
        &[],
        &json!({"refresh": pair.body["refresh"]}),
    );
    let me = view.get("/api/me", next.body["access"].as_str().unwrap());
    assert_eq!(me.status, 200, "{me:?}");
    server.stop();
}
