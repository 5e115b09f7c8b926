//! Accounts of two sources, and what a source does not say.

use super::super::place::{Place, write};
use super::site::Site;

#[test]
fn a_second_source_does_not_change_accounts_of_the_first() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.migrate();
    write(
        &place.path("staff.jsonl"),
        r#"{"user_seq": 1, "email": "ann@example.org"}"#,
    );
    place.done(&["import", "users", "staff.jsonl"], "");
    site.user(1, "ben", "ben@example.org");
    site.user(2, "cho", "cho@example.org");
    let finished = place.run(&site.import(&mut url, &[]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let line = "user 1: id: account 1, which came from the source file:staff, has it already (not imported)\n";
    assert!(finished.stdout.contains(line), "{finished:?}");
    let names = place.database.texts("email", "users ORDER BY id");
    assert_eq!(names, ["ann@example.org", "cho@example.org"]);
    let sources = place
        .database
        .texts("source", "imported_accounts ORDER BY user_seq");
    assert_eq!(sources, ["file:staff", "django:auth_user"]);
}

#[test]
fn a_field_that_a_line_does_not_have_is_not_changed() {
    let place = Place::new();
    place.migrate();
    let lines = [
        r#"{"user_seq": 1, "username": "ann", "name": "Ann Lee", "role": "auditor"}"#,
        r#"{"user_seq": 1, "username": "ann", "is_active": false}"#,
    ];
    for line in lines {
        write(&place.path("staff.jsonl"), line);
        place.done(&["import", "users", "staff.jsonl"], "");
    }
    let users = place
        .database
        .texts("name || ' ' || role", "users WHERE NOT is_active");
    assert_eq!(users, ["Ann Lee auditor"]);
}

#[test]
fn a_key_that_is_there_twice_or_too_great_is_a_line() {
    let place = Place::new();
    place.migrate();
    write(
        &place.path("staff.jsonl"),
        "{\"external_id\": \"a\", \"username\": \"ann\"}\n{\"external_id\": \"a\", \"username\": \"ben\"}\n\
         {\"user_seq\": 9007199254740993, \"username\": \"cho\"}\n{\"username\": \"dan\", \"is_active\": \"\"}\n",
    );
    let finished = place.run(&["import", "users", "staff.jsonl"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for line in [
        "user line 2: external_id: line 1 of the source has the same (not imported)\n",
        "user 9007199254740993: id: greater than 9007199254740992, the greatest number (not imported)\n",
        "user line 4: is_active: empty: the account is inactive (left out)\n",
    ] {
        assert!(finished.stdout.contains(line), "{line}{finished:?}");
    }
    let users = place.database.texts(
        "username || ' ' || CASE WHEN is_active THEN 'y' ELSE 'n' END",
        "users ORDER BY id",
    );
    assert_eq!(users, ["ann y", "dan n"]);
    let numbers = place.database.texts("id", "users WHERE id > 2");
    assert!(numbers.is_empty(), "{numbers:?}");
}

#[test]
fn an_account_without_a_valid_login_in_the_site_is_still_deactivated_and_keeps_its_tokens() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.migrate();
    site.user(1, "ann", "ann@example.org");
    site.user(2, "ben", "ben@example.org");
    place.done(&site.import(&mut url, &[]), "");
    site.set(
        1,
        &format!(
            "username = ' ', email = '', is_active = {}",
            site.truth(false)
        ),
    );
    site.token("aa01", "1", "2099-01-01 00:00:00");
    // Here the username is removed, there the e-mail address.
    place
        .database
        .execute("UPDATE users SET username = NULL, username_normalized = NULL WHERE id = 2");
    site.set(2, "email = '', first_name = 'Ben'");
    let finished = place.run(&site.import(&mut url, &[]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let line =
        "user 2: email: the account here has no other name to log in by: it is kept (left out)\n";
    assert!(finished.stdout.contains(line), "{finished:?}");
    let users = place.database.texts(
        "COALESCE(username, '-') || ' ' || email || ' ' || name || CASE WHEN is_active THEN ' y' ELSE ' n' END",
        "users ORDER BY id",
    );
    assert_eq!(
        users,
        ["ann ann@example.org ann n", "- ben@example.org Ben y"]
    );
    assert_eq!(place.database.texts("jti", "django_tokens"), ["aa01"]);
}

#[test]
fn roles_are_not_taken_away_by_a_forgotten_option_nor_from_the_last_administrator() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.migrate();
    site.user(1, "ann", "ann@example.org");
    site.set(1, &format!("is_superuser = {}", site.truth(true)));
    let named = ["--role", "superuser=admin"];
    place.done(&site.import(&mut url, &named), "");
    let forgotten = place.run(&site.import(&mut url, &[]));
    assert_eq!(forgotten.code, Some(1), "{forgotten:?}");
    let line =
        "1 user with superuser, which may write: name a role with --role \"superuser=ROLE\"\n";
    assert!(forgotten.stdout.contains(line), "{forgotten:?}");
    site.set(
        1,
        &format!(
            "is_superuser = {no}, is_active = {no}",
            no = site.truth(false)
        ),
    );
    for options in [
        &[&named[..], &["--dry-run"]].concat(),
        &named[..],
        &named[..],
    ] {
        let last = place.run(&site.import(&mut url, options));
        assert_eq!(last.code, Some(1), "{last:?}");
        let line =
            "user 1: is_active: the last active user with all rights keeps them (left out)\n";
        assert!(last.stdout.contains(line), "{last:?}");
    }
    let users = place.database.texts("role", "users WHERE is_active");
    assert_eq!(users, ["admin"]);
}

#[test]
fn a_new_password_in_the_site_does_not_refuse_its_tokens() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.migrate();
    site.user(1, "ann", "ann@example.org");
    place.done(&site.import(&mut url, &[]), "");
    site.set(1, "password = 'md5$salt$0123456789abcdef0123456789abcdef'");
    place.done(&site.import(&mut url, &[]), "");
    let changed = place
        .database
        .texts("id", "users WHERE password_hash LIKE 'md5$%'");
    assert_eq!(changed.len(), 1);
    let refused = place.database.texts(
        "user_seq",
        "imported_accounts WHERE tokens_not_before IS NOT NULL",
    );
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn a_run_that_fails_is_recorded_and_ends_its_json() {
    let place = Place::new();
    place.migrate();
    write(&place.path("staff.jsonl"), &"x".repeat(1024 * 1024 + 1));
    let finished = place.run(&["import", "users", "staff.jsonl", "--json"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["is_done"], false, "{report}");
    assert!(
        report["error"]
            .as_str()
            .unwrap()
            .contains("line 1 is longer")
    );
    let events = place.database.texts("action", "audit_events");
    assert_eq!(events, ["accounts_imported"]);
}

#[test]
fn files_of_two_systems_are_two_sources_unless_they_have_one_name() {
    let place = Place::new();
    place.migrate();
    write(
        &place.path("shop.jsonl"),
        r#"{"email": "ann@example.org", "name": "Ann"}"#,
    );
    place.done(&["import", "users", "shop.jsonl"], "");
    write(
        &place.path("club.csv"),
        "email,name\nann@example.org,Anna\n",
    );
    let finished = place.run(&["import", "users", "club.csv"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let line = "user line 2: username: account 1, which came from the source file:shop, has it already (not imported)\n";
    assert!(finished.stdout.contains(line), "{finished:?}");
    assert_eq!(place.database.texts("name", "users"), ["Ann"]);
    place.done(&["import", "users", "club.csv", "--source", "shop"], "");
    assert_eq!(place.database.texts("name", "users"), ["Anna"]);
    let refused = place.run(&["import", "users", "club.csv", "--source", " "]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn a_source_that_cannot_be_opened_is_a_json_document_with_the_error() {
    let place = Place::new();
    place.migrate();
    for (arguments, error) in [
        (
            &["import", "users", "missing.jsonl", "--json"][..],
            "missing.jsonl: ",
        ),
        (
            &["import", "users", "list.txt", "--json"],
            "must end in .jsonl or .csv",
        ),
        (
            &[
                "import",
                "django",
                "--from",
                "sqlite://missing.db",
                "--json",
            ],
            "there is no such SQLite file",
        ),
    ] {
        let finished = place.run(arguments);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        let report: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(report["is_done"], false, "{report}");
        assert!(
            report["error"].as_str().unwrap().contains(error),
            "{report}"
        );
        assert!(finished.stderr.contains(error), "{finished:?}");
    }
}
