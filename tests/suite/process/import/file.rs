//! Accounts from files, and the export in the same form.

use serde_json::Value;

use super::super::place::{Place, write};

const LINES: &str = r#"{"user_seq": 7, "email": "Ann@example.org", "name": "Ann", "role": "auditor", "password_hash": "md5$s$0123456789abcdef0123456789abcdef", "created_at": "2024-05-06T07:08:09.123456Z"}
{"type": "client", "username": "acme", "phone": "+82 10-1234-5678", "is_active": false, "claims": {"tier": "gold"}}

{"email": "ben@example.org", "role": "admin"}
{"email": "cho@example.org", "colour": "red"}
not json
{"name": "Nobody"}
"#;

#[test]
fn accounts_of_a_file_are_imported_again_and_again() {
    let place = Place::new();
    place.migrate();
    write(&place.path("accounts.jsonl"), LINES);
    let finished = place.run(&["import", "users", "accounts.jsonl"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for line in [
        "user line 5: id: there is no field \"colour\"; the fields are ",
        "user line 6: id: not a JSON object: ",
        "user line 7: email: neither e-mail address nor username (not imported)\n",
        "1 user with admin, which may write: name a role with --role \"admin=ROLE\"\n",
        "         5  users read\n",
        "         2    created\n",
        "         1  client read\n",
    ] {
        assert!(
            finished.stdout.contains(line),
            "{line}: {}",
            finished.stdout
        );
    }
    let accounts = place.database.texts(
        "id || ' ' || COALESCE(email, username) || ' ' || role || ' ' || COALESCE(password_hash, '-')",
        "users ORDER BY id",
    );
    assert_eq!(
        accounts,
        [
            "7 Ann@example.org auditor md5$s$0123456789abcdef0123456789abcdef",
            "8 ben@example.org staff -"
        ]
    );
    let clients = place.json(&["client", "list"], "");
    assert_eq!(clients[0]["phone"], "+82 10-1234-5678");
    assert_eq!(clients[0]["is_active"], false);
    assert_eq!(clients[0]["claims"]["tier"], "gold");

    write(
        &place.path("again.csv"),
        "email,name,role,is_active\nANN@example.org,Ann Lee,auditor,yes\nben@example.org,Ben,staff,no\ndan@example.org\n",
    );
    let again = place.run(&[
        "import",
        "users",
        "again.csv",
        "--source",
        "accounts",
        "--json",
    ]);
    assert_eq!(again.code, Some(1), "{again:?}");
    let report: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(report["users"]["updated"], 2, "{report}");
    assert_eq!(report["users"]["created"], 0, "{report}");
    assert_eq!(report["problems"][0]["id"], "line 4");
    let accounts = place.database.texts(
        "id || ' ' || name || ' ' || COALESCE(password_hash, '-') || ' ' || CASE WHEN is_active THEN 'y' ELSE 'n' END",
        "users ORDER BY id",
    );
    // The file has no passwords, so they are not changed.
    assert_eq!(
        accounts,
        [
            "7 Ann Lee md5$s$0123456789abcdef0123456789abcdef y",
            "8 Ben - n"
        ]
    );
}

#[test]
fn an_export_can_be_imported_elsewhere() {
    let (place, other) = (Place::new(), Place::new());
    place.user("root@example.org", "admin");
    place.user("ann@example.org", "staff");
    place.client("acme");
    let claims = [
        "client",
        "set-claims",
        "--username",
        "acme",
        "--claims",
        r#"{"tier":"gold"}"#,
    ];
    place.done(&claims, "");
    let without = place.done(&["export", "users"], "");
    assert!(!without.contains("password_hash"), "{without}");
    assert_eq!(without.lines().count(), 3);
    let clients = place.done(&["export", "users", "--type", "client"], "");
    assert_eq!(clients.lines().count(), 1);
    let exported = place.done(&["export", "users", "--with-hashes"], "");
    assert!(exported.contains("$bcrypt-sha256$"));
    let events = place
        .database
        .texts("action", "audit_events WHERE action = 'exported'");
    assert_eq!(events.len(), 3);

    other.migrate();
    write(&other.path("all.jsonl"), &exported);
    let import = ["import", "users", "all.jsonl", "--role", "admin=admin"];
    other.done(&import, "");
    assert_eq!(
        other.done(&["export", "users", "--with-hashes"], ""),
        exported
    );
    let server = other.serve();
    let mut client = server.client();
    assert_eq!(client.log_in("ann@example.org", "user").status, 200);
    server.stop();
}

#[test]
fn a_file_says_which_addresses_are_verified() {
    let (place, other) = (Place::new(), Place::new());
    place.migrate();
    let lines = r#"{"email": "ann@example.org", "email_verified": false}
{"email": "ben@example.org"}
{"type": "client", "username": "acme", "email": "it@example.org", "email_verified": "no"}
{"email": "cho@example.org", "email_verified": "perhaps"}
"#;
    write(&place.path("all.jsonl"), lines);
    let import = ["import", "users", "all.jsonl"];
    let finished = place.run(&import);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let problem = "user line 4: email_verified: ";
    assert!(finished.stdout.contains(problem), "{finished:?}");
    let verified = |place: &Place, population: &str| {
        let listed = place.json(&[population, "list"], "");
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|account| account["email_verified"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(verified(&place, "user"), [false, true, true]);
    assert_eq!(verified(&place, "client"), [false]);
    let table = place.done(&["user", "list"], "");
    assert!(table.contains("ann@example.org (not verified)"), "{table}");
    let exported = place.done(&["export", "users"], "");
    other.migrate();
    write(&other.path("all.jsonl"), &exported);
    other.done(&import, "");
    assert_eq!(other.done(&["export", "users"], ""), exported);
    // A later import changes it, also together with the address.
    let later = lines
        .replace(
            r#""ann@example.org", "email_verified": false"#,
            r#""ann@example.org", "email_verified": true"#,
        )
        .replace("it@example.org", "office@example.org")
        .replace("perhaps", "false");
    write(&place.path("all.jsonl"), &later);
    place.done(&import, "");
    assert_eq!(verified(&place, "user"), [true, true, false]);
    assert_eq!(verified(&place, "client"), [false]);
}
