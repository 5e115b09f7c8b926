//! The import repeated: what the site has changed is changed, what was changed here is kept.

use super::super::place::{PASSWORD, Place};
use super::site::Site;

const LATER: &str = "2099-01-01 00:00:00";

#[test]
fn a_repeated_import_changes_what_the_site_changed_and_keeps_what_was_changed_here() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.migrate();
    for (id, name) in [(1, "ann"), (2, "ben"), (3, "cho"), (4, "dan"), (5, "eve")] {
        site.user(id, name, &format!("{name}@example.org"));
    }
    site.token("aa01", "1", LATER);
    site.token("aa02", "1", LATER);
    assert_eq!(place.run(&site.import(&mut url, &[])).code, Some(0));
    let again = place.json(&site.import(&mut url, &[]), "");
    assert_eq!(again["users"]["unchanged"], 5);
    assert_eq!(again["tokens"]["unchanged"], 2);

    // Here: a new password, and a deleted account.
    let set = [
        "user",
        "set-password",
        "--password-stdin",
        "--email",
        "ben@example.org",
    ];
    place.done(&set, PASSWORD);
    place.database.execute("DELETE FROM users WHERE id = 4");
    // There: another address, new passwords, a deactivated, a removed and a new user, a logout.
    site.set(
        1,
        "email = 'ann.lee@example.org', first_name = 'Ann', password = 'md5$salt$0123456789abcdef0123456789abcdef'",
    );
    site.set(
        2,
        "password = 'md5$salt$ff23456789abcdef0123456789abcdef', first_name = 'Benjamin'",
    );
    site.set(3, &format!("is_active = {}", site.truth(false)));
    site.database.execute("DELETE FROM auth_user WHERE id = 5");
    site.user(6, "fay", "fay@example.org");
    site.blacklist("aa02");
    let report = place.json(&site.import(&mut url, &[]), "");
    assert_eq!(report["users"]["updated"], 3, "{report}");
    assert_eq!(report["users"]["created"], 1, "{report}");
    assert_eq!(report["users"]["kept"], 2, "{report}");
    assert_eq!(report["users"]["missing"], 1, "{report}");
    assert_eq!(report["tokens"]["newly_blacklisted"], 1, "{report}");

    let users = place.database.texts(
        "id || ' ' || email || ' ' || name || ' ' || CASE WHEN is_active THEN 'active' ELSE 'inactive' END",
        "users ORDER BY id",
    );
    assert_eq!(
        users,
        [
            "1 ann.lee@example.org Ann active",
            "2 ben@example.org Benjamin active",
            "3 cho@example.org cho inactive",
            "5 eve@example.org eve active",
            "6 fay@example.org fay active",
        ]
    );
    let hash = |id: i64| {
        let hashes = place
            .database
            .texts("password_hash", &format!("users WHERE id = {id}"));
        hashes[0].clone()
    };
    assert_eq!(hash(1), "md5$salt$0123456789abcdef0123456789abcdef");
    assert!(hash(2).starts_with("$bcrypt-sha256$"), "{}", hash(2));
    // One event for a run, besides that of the changed password.
    let events = place.database.texts("action", "audit_events ORDER BY id");
    let imports = events
        .iter()
        .filter(|action| *action == "accounts_imported");
    assert_eq!((imports.count(), events.len()), (3, 4), "{events:?}");
    let found = place.json(&["user", "list", "--search", "ann.lee"], "");
    assert_eq!(found.as_array().unwrap().len(), 1);
}

#[test]
fn accounts_that_were_made_here_are_not_overwritten() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.user("root@example.org", "admin");
    site.user(1, "ann", "ann@example.org");
    site.user(2, "root", "root@example.org");
    let finished = place.run(&site.import(&mut url, &[]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for line in [
        "user 1: id: account 1, which was not imported, has it already (not imported)\n",
        "user 2: email: account 1 has the same already (left out)\n",
    ] {
        assert!(finished.stdout.contains(line), "{finished:?}");
    }
    let names = place
        .database
        .texts("COALESCE(username, email)", "users ORDER BY id");
    assert_eq!(names, ["root@example.org", "root"]);
}
