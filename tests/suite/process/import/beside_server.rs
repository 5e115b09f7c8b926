//! An import beside a running server, which notices what it changed.

use std::io::Read;
use std::process::Stdio;

use diesel::connection::SimpleConnection;
use munjigi::store::{Target, users};
use serde_json::json;

use super::super::client::Pair;
use super::super::database::on_postgres;
use super::super::place::{PASSWORD, Place};
use super::super::server::eventually;
use super::site::Site;

#[test]
fn a_user_whom_the_site_deactivated_is_refused_by_a_running_server_after_the_import() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.migrate();
    site.user(7, "ann", "ann@example.org");
    assert_eq!(place.run(&site.import(&mut url, &[])).code, Some(0));
    let set = [
        "user",
        "set-password",
        "--password-stdin",
        "--email",
        "ann@example.org",
    ];
    place.done(&set, PASSWORD);

    let server = place.serve();
    let mut client = server.client();
    let body = json!({"username": "ann", "password": PASSWORD, "user_type": "user"});
    let pair = Pair::of(&client.post("/auth/login", &[], &body));
    assert_eq!(
        client.get("/api/me", &pair.access).body["data"]["user_seq"],
        7
    );

    site.set(7, &format!("is_active = {}", site.truth(false)));
    let report = place.json(&site.import(&mut url, &[]), "");
    assert_eq!(report["users"]["updated"], 1, "{report}");
    // Until it has read the change, the server accepts the token.
    eventually(|| client.get("/api/me", &pair.access).status == 401);
    assert_eq!(client.refresh(&pair.refresh).status, 401);
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn an_import_waits_for_a_change_of_a_name_that_is_being_made_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.user("root@example.org", "admin");
    // With a session, the import is not one transaction.
    let server = place.serve();
    server.client().session("root@example.org");
    server.stop();
    site.user(7, "ann", "kim@example.org");

    // As an administrator changes the username of a user.
    let target = Target::Postgres {
        url: place.database.url(),
    };
    let mut administrator = target.connect().unwrap();
    administrator.batch_execute("BEGIN").unwrap();
    users::lock_logins(&mut administrator, None, Some("kim@example.org")).unwrap();
    let change =
        "UPDATE users SET username = 'kim@example.org', username_normalized = 'kim@example.org'";
    administrator.batch_execute(change).unwrap();
    let mut import = place
        .command(&site.import(&mut url, &[]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let waiting = "pg_locks WHERE locktype = 'advisory' AND NOT granted";
    eventually(|| place.database.texts("mode", waiting).len() == 1);
    administrator.batch_execute("COMMIT").unwrap();

    let mut stdout = String::new();
    let mut pipe = import.stdout.take().unwrap();
    pipe.read_to_string(&mut stdout).unwrap();
    assert_eq!(import.wait().unwrap().code(), Some(1), "{stdout}");
    let line = "user 7: email: account 1 has the same already (left out)\n";
    assert!(stdout.contains(line), "{stdout}");
    let users = place.database.texts(
        "username || ' ' || COALESCE(email, '-')",
        "users ORDER BY id",
    );
    assert_eq!(users, ["kim@example.org root@example.org", "ann -"]);
}
