//! `munjigi service`: as text and as JSON.

use serde_json::json;

use super::place::Place;

#[test]
fn a_service_is_created_listed_and_changed_as_text_and_as_json() {
    let place = Place::new();
    place.migrate();
    let database = place.database_name();
    let create = [
        "service",
        "create",
        "billing",
        "--scope",
        "orders:write",
        "--scope",
        "orders:read",
        "--description",
        "Sends bills",
    ];
    let printed = place.done(&create, "");
    let lines: Vec<&str> = printed.lines().collect();
    let done = format!("Service 1 billing was created ({database}).");
    assert_eq!(
        &lines[..2],
        [&done, "Its secret, which is shown only now:"]
    );
    assert_eq!((lines[2].len(), lines.len()), (43, 3));

    let again = place.run_with_input(&["service", "create", "billing"], "");
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(
        again.stderr,
        "munjigi: there is a service billing already\n"
    );
    let created = place.json(&["service", "create", "api"], "");
    assert_eq!(created["secret"].as_str().unwrap().len(), 43);
    assert_eq!(created["scopes"], json!([]));

    let expected = "\
number  name     scopes                    active  last used  description
2       api                                yes     never
1       billing  orders:read orders:write  yes     never      Sends bills
";
    assert_eq!(place.done(&["service", "list"], ""), expected);
    let shown = place.json(&["service", "show", "billing"], "");
    assert_eq!(shown["scopes"], json!(["orders:read", "orders:write"]));
    assert!(shown.get("secret").is_none() && shown.get("secret_hash").is_none());

    let done = |verb: &str| place.done(&["service", verb, "billing"], "");
    let inactive =
        format!("Service 1 billing is inactive, and its access tokens are revoked ({database}).\n");
    assert_eq!(done("deactivate"), inactive);
    assert_eq!(
        done("activate"),
        format!("Service 1 billing is active ({database}).\n")
    );
    let scopes = ["service", "set-scopes", "billing", "--scope", "a"];
    assert_eq!(place.json(&scopes, "")["scopes"], json!(["a"]));
    let rotated = done("rotate-secret");
    assert!(rotated.starts_with("Service 1 billing has a new secret"), "{rotated}");
    assert_ne!(rotated.lines().last(), lines.last().copied());
    assert_eq!(
        done("delete"),
        format!("Service 1 billing was deleted ({database}).\n")
    );
    let missing = place.run_with_input(&["service", "show", "billing"], "");
    assert_eq!(missing.code, Some(1));
    assert_eq!(missing.stderr, "munjigi: there is no service billing\n");
    let verified = place.done(&["audit", "verify"], "");
    assert!(verified.contains("intact"), "{verified}");
}

#[test]
fn wrong_names_and_scopes_are_refused() {
    let place = Place::new();
    place.migrate();
    let name = place.run_with_input(&["service", "create", "Billing"], "");
    assert_eq!(name.code, Some(2), "{name:?}");
    assert!(name.stderr.contains("Lower-case letters"), "{name:?}");
    let create = ["service", "create", "billing", "--scope", "a\"b"];
    let scope = place.run_with_input(&create, "");
    assert_eq!(scope.code, Some(1), "{scope:?}");
    assert!(scope.stderr.contains("--scope"), "{scope:?}");
    assert_eq!(place.json(&["service", "list"], ""), json!([]));
}
