//! Names that change hands between two accounts of a site.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::place::{Place, write};
use super::site::Site;

/// Gives users of a site other names: first ones that nobody has, because the site allows no name twice.
fn rename(site: &Site, names: &[(i64, &str)]) {
    for (id, _) in names {
        site.set(*id, &format!("username = 'temporary{id}'"));
    }
    for (id, name) in names {
        site.set(
            *id,
            &format!("username = '{name}', email = '{name}@example.org'"),
        );
    }
}

fn logins(place: &Place) -> Vec<String> {
    let login = "id || ' ' || username || ' ' || username_normalized || ' ' || email_normalized";
    place.database.texts(login, "users ORDER BY id")
}

fn expected(names: &[&str]) -> Vec<String> {
    let numbered = (1..).zip(names);
    numbered
        .map(|(id, name)| format!("{id} {name} {name} {name}@example.org"))
        .collect()
}

/// A site whose users were imported once.
fn imported(names: &[&str]) -> (Place, Site) {
    let (place, site) = (Place::new(), Site::stock());
    place.migrate();
    for (id, name) in (1..).zip(names) {
        site.user(id, name, &format!("{name}@example.org"));
    }
    place.done(&site.import(&mut String::new(), &[]), "");
    assert_eq!(logins(&place), expected(names));
    (place, site)
}

fn json_of(place: &Place, site: &Site, options: &[&str]) -> Value {
    let mut url = String::new();
    let finished = place.run(&site.import(&mut url, options));
    let mut report: Value = serde_json::from_str(&finished.stdout).unwrap();
    report["is_done"] = json!(finished.code);
    report
}

#[test]
fn users_who_swap_their_names_are_updated() {
    let (place, site) = imported(&["ann", "ben", "cho", "dan", "eve", "fay", "gil"]);
    // Two who swap, three in a circle, and one who takes the name of another who has a new one; a new user takes a name too.
    let names = [
        (1, "ben"),
        (2, "ann"),
        (3, "dan"),
        (4, "eve"),
        (5, "cho"),
        (6, "gil"),
        (7, "hal"),
    ];
    rename(&site, &names);
    site.user(8, "fay", "fay@example.org");
    let looked = json_of(&place, &site, &["--dry-run", "--json"]);
    let done = json_of(&place, &site, &["--json"]);
    assert_eq!(looked, done);
    assert_eq!(done["is_done"], 0, "{done}");
    assert_eq!(done["users"]["updated"], 7, "{done}");
    let now = ["ben", "ann", "dan", "eve", "cho", "gil", "hal", "fay"];
    assert_eq!(logins(&place), expected(&now));
    let again = json_of(&place, &site, &["--json"]);
    assert_eq!(again["users"]["unchanged"], 8, "{again}");
}

#[test]
fn who_waits_for_a_name_that_is_not_given_up_keeps_the_old_one() {
    let (place, site) = imported(&["ann", "ben", "cho", "dan"]);
    site.database.execute("DELETE FROM auth_user WHERE id = 1");
    rename(&site, &[(2, "ann"), (3, "ben"), (4, "eve")]);
    let looked = json_of(&place, &site, &["--dry-run", "--json"]);
    let done = json_of(&place, &site, &["--json"]);
    assert_eq!(looked, done);
    assert_eq!(done["is_done"], 1, "{done}");
    let problems: Vec<String> = done["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| format!("{} {}: {}", line["id"], line["field"], line["problem"]))
        .collect();
    assert_eq!(
        problems,
        [
            r#""2" "email": "account 1 has the same already""#,
            r#""2" "username": "account 1 has the same already""#,
            r#""3" "email": "account 2 has the same already""#,
            r#""3" "username": "account 2 has the same already""#,
        ]
    );
    assert_eq!(logins(&place), expected(&["ann", "ben", "cho", "eve"]));
}

#[test]
fn clients_far_apart_in_a_file_swap_their_names() {
    const COUNT: usize = 2_001;
    let place = Place::new();
    place.migrate();
    let import = |first: &str, last: &str| {
        let mut lines = "type,user_seq,username\n".to_owned();
        for number in 1..=COUNT {
            let name = match number {
                1 => first.to_owned(),
                COUNT => last.to_owned(),
                _ => format!("client{number}"),
            };
            writeln!(lines, "client,{number},{name}").unwrap();
        }
        write(&place.path("clients.csv"), &lines);
        place.json(&["import", "users", "clients.csv"], "")
    };
    assert_eq!(import("acme", "zeta")["clients"]["created"], COUNT);
    let report = import("zeta", "Acme");
    assert_eq!(report["clients"]["updated"], 2, "{report}");
    let names = place.database.texts(
        "username || ' ' || username_normalized",
        "client_users WHERE id IN (1, 2001) ORDER BY id",
    );
    assert_eq!(names, ["zeta zeta", "Acme acme"]);
}
