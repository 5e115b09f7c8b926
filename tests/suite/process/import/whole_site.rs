//! A whole site, once: what is taken over, and what is said.

use serde_json::{Value, json};

use super::super::place::Place;
use super::site::Site;

/// Far enough in the future.
const LATER: &str = "2099-01-01 00:00:00";

/// A site with everything that sites have.
fn site() -> Site {
    let site = Site::stock();
    let (yes, no) = (site.truth(true), site.truth(false));
    site.user(3, "root", "root@example.org");
    site.set(3, &format!("is_superuser = {yes}, is_staff = {yes}"));
    site.user(5, "gildong", "Gildong@Example.org");
    site.set(
        5,
        "first_name = '길동', last_name = '홍', last_login = '2025-02-03 04:05:06.5'",
    );
    site.user(8, "noemail", "");
    site.set(
        8,
        "password = '!unusable', first_name = 'No', last_name = 'Mail'",
    );
    site.user(9, "shared", "GILDONG@example.org");
    site.user(11, "Shared", "own@example.org");
    site.user(12, "gone", "gone@example.org");
    site.set(12, &format!("is_active = {no}"));
    site.user(-4, "negative", "negative@example.org");
    site.user(40, "_underscore", "");
    site.token("aa01", "3", LATER);
    site.token("aa02", "5", LATER);
    site.blacklist("aa02");
    site.token("aa03", "5", "2020-01-01 00:00:00");
    site.token("aa04", "NULL", LATER);
    site.token("aa05", "40", LATER);
    site
}

const PROBLEMS: &str = "\
user -4: id: not a whole number greater than 0 (not imported)
user 9: email: 5 of the source has the same (left out)
user 11: username: 9 of the source has the same (left out)
user 40: username: ";

fn by_login(place: &Place) -> Vec<Value> {
    let users = place.json(&["user", "list"], "");
    users.as_array().unwrap().clone()
}

#[test]
fn users_and_tokens_of_a_site_are_taken_over_with_their_numbers() {
    let (place, site, mut url) = (Place::new(), site(), String::new());
    place.migrate();
    let options = ["--role", "superuser=admin"];
    let finished = place.run(&site.import(&mut url, &options));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stderr, "");
    for line in PROBLEMS.lines() {
        assert!(
            finished.stdout.contains(line),
            "{line}: {}",
            finished.stdout
        );
    }
    assert!(
        finished.stdout.contains("users: table auth_user\n"),
        "{finished:?}"
    );
    assert!(
        finished
            .stdout
            .contains("         1    imported, for one exchange each\n")
    );

    let users = by_login(&place);
    let of = |seq: i64| {
        let found = users.iter().find(|user| user["user_seq"] == seq);
        found.unwrap_or_else(|| panic!("{seq}: {users:?}"))
    };
    assert_eq!(users.len(), 6);
    assert_eq!(of(3)["role"], "admin");
    assert_eq!(of(3)["username"], "root");
    assert_eq!(of(5)["role"], "staff");
    assert_eq!(of(5)["name"], "홍길동");
    assert_eq!(of(5)["email"], "Gildong@Example.org");
    assert_eq!(of(5)["last_login_at"], "2025-02-03T04:05:06+00:00");
    assert_eq!(of(5)["created_at"], "2024-05-06T07:08:09+00:00");
    assert_eq!(of(8)["name"], "No Mail");
    assert_eq!(of(8)["email"], Value::Null);
    assert_eq!(of(9)["email"], Value::Null);
    assert_eq!(of(9)["username"], "shared");
    assert_eq!(of(11)["email"], "own@example.org");
    assert_eq!(of(11)["username"], Value::Null);
    assert_eq!(of(12)["is_active"], false);
    let hashes = place.database.texts(
        "COALESCE(password_hash, '-')",
        "users WHERE id IN (5, 8) ORDER BY id",
    );
    assert_eq!(
        hashes,
        [
            "pbkdf2_sha256$1000000$salt5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "-"
        ]
    );

    let tokens = place.database.texts(
        "jti || ' ' || user_seq || ' ' || CASE WHEN blacklisted_at IS NULL THEN 'live' ELSE 'blacklisted' END",
        "django_tokens ORDER BY jti",
    );
    assert_eq!(tokens, ["aa01 3 live", "aa02 5 blacklisted"]);
    let events = place.database.texts("action", "audit_events ORDER BY id");
    assert_eq!(events, ["accounts_imported"]);

    // Behind the greatest number of the site, also that of a user who was not imported; and found by a search.
    place.user("new@example.org", "staff");
    let found = place.json(&["user", "list", "--search", "new@example"], "");
    assert_eq!(found[0]["user_seq"], 41);
    let found = place.json(&["user", "list", "--search", "길동"], "");
    assert_eq!(found[0]["user_seq"], 5);
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let (place, site, mut url) = (Place::new(), site(), String::new());
    let is_sqlite = matches!(place.database, super::super::database::Database::Sqlite(_));
    let dry = site.import(&mut url, &["--dry-run", "--json"]).join(" ");
    let dry: Vec<&str> = dry.split(' ').collect();
    if is_sqlite {
        // There is no database yet, and none is made.
        let finished = place.run(&dry);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(!place.path("munjigi-data").exists());
    }
    place.migrate();
    let looked = place.run(&dry);
    assert_eq!(looked.code, Some(1), "{looked:?}");
    assert_eq!(place.database.texts("name", "users").len(), 0);
    assert_eq!(place.database.texts("jti", "django_tokens").len(), 0);
    assert_eq!(place.database.texts("action", "audit_events").len(), 0);
    let real: Vec<&str> = dry.iter().copied().filter(|a| *a != "--dry-run").collect();
    let done = place.run(&real);
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (mut looked, done) = (json(&looked.stdout), json(&done.stdout));
    assert_eq!(looked["is_done"], false);
    looked["is_done"] = json!(true);
    assert_eq!(looked, done);
    assert_eq!(done["users"]["created"], 6);
    assert_eq!(done["users"]["refused"], 2);
    assert_eq!(done["users"]["roles"], json!({"staff": 6}));
    assert_eq!(done["tokens"]["read"], 4);
    assert_eq!(done["tokens"]["without_account"], 2);
    assert_eq!(done["problems"].as_array().unwrap().len(), 4);
    assert_eq!(done["problems"][0]["field"], "id");
}

#[test]
fn strict_refuses_everything_if_there_is_a_problem() {
    let (place, site, mut url) = (Place::new(), site(), String::new());
    place.migrate();
    let finished = place.run(&site.import(&mut url, &["--strict"]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished
            .stdout
            .ends_with("--strict: nothing was imported\n"),
        "{finished:?}"
    );
    assert_eq!(place.database.texts("name", "users").len(), 0);

    let clean = Site::stock();
    clean.user(1, "ann", "ann@example.org");
    let finished = place.run(&clean.import(&mut url, &["--strict"]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(place.database.texts("name", "users"), ["ann"]);
}

#[test]
fn keys_that_are_no_numbers_become_external_ids() {
    let (place, site, mut url) = (Place::new(), Site::new(), String::new());
    place.migrate();
    site.create(
        "CREATE TABLE members_member (id {uuid} NOT NULL PRIMARY KEY, password varchar(128) NOT NULL, last_login {time}, \
         email varchar(254) NOT NULL, name varchar(50) NOT NULL, is_active bool NOT NULL, role varchar(20) NOT NULL);",
    );
    site.create_tokens("members_member", "{uuid}");
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let stored = match site.database {
        super::super::database::Database::Sqlite(_) => id.replace('-', ""),
        super::super::database::Database::Postgres { .. } => id.to_owned(),
    };
    site.database.execute(&format!(
        "INSERT INTO members_member (id, password, email, name, is_active, role) \
         VALUES ('{stored}', '!', 'ann@example.org', 'Ann', {}, 'manager')",
        site.truth(true)
    ));
    site.token("bb01", &format!("'{stored}'"), LATER);
    let finished = place.run(&site.import(&mut url, &["--role", "manager=auditor"]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let user = &by_login(&place)[0];
    assert_eq!(user["user_seq"], 1);
    assert_eq!(user["external_id"], id);
    assert_eq!(user["role"], "auditor");
    assert_eq!(
        place
            .database
            .texts("jti", "django_tokens WHERE user_seq = 1"),
        ["bb01"]
    );
    // Again: the same account, found by its external id.
    let again = place.json(&site.import(&mut url, &["--role", "manager=auditor"]), "");
    assert_eq!(again["users"]["unchanged"], 1);
    assert_eq!(again["users"]["created"], 0);
    assert_eq!(again["tokens"]["unchanged"], 1);
}
