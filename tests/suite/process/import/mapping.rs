//! Tables, columns and roles that are not the usual ones, and what is refused with exit code 2.

use super::super::place::{Place, write};
use super::site::Site;

fn custom() -> Site {
    let site = Site::new();
    site.create(
        "CREATE TABLE accounts_internaluser (user_seq {serial}, password varchar(128) NOT NULL, last_login {time}, \
         mail_addr varchar(254) NOT NULL, name varchar(50) NOT NULL, is_active bool NOT NULL, role varchar(20) NOT NULL);
         CREATE TABLE accounts_clientuser (user_seq {serial}, password varchar(128) NOT NULL, last_login {time}, \
         username varchar(50) NOT NULL, phone varchar(30), is_active bool NOT NULL);",
    );
    let yes = site.truth(true);
    site.database.execute(&format!(
        "INSERT INTO accounts_internaluser (user_seq, password, mail_addr, name, is_active, role) VALUES \
         (2, 'md5$a$0123456789abcdef0123456789abcdef', 'ann@example.org', '김 앤', {yes}, 'admin'), (3, '', 'ben@example.org', 'Ben', {yes}, 'night shift'), \
         (4, '', 'cho@example.org', 'Cho', {yes}, 'manager'), (5, '', 'dan@example.org', 'Dan', {yes}, 'night');
         INSERT INTO accounts_clientuser (user_seq, password, username, phone, is_active) VALUES (2, '!', 'acme', '02-123-4567', {yes});"
    ));
    site
}

const BOTH: [&str; 4] = [
    "--users",
    "accounts_internaluser",
    "--clients",
    "accounts_clientuser",
];

#[test]
fn other_tables_and_columns_are_named_on_the_command_line_or_in_a_file() {
    let (place, site, mut url) = (Place::new(), custom(), String::new());
    place.migrate();
    let options = [
        &BOTH[..],
        &["--map", "user.email=mail_addr", "--role", "manager=auditor"],
    ]
    .concat();
    let finished = place.run(&site.import(&mut url, &options));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for line in [
        "  email         mail_addr\n",
        "clients: table accounts_clientuser\n",
        "1 user with admin, which may write: name a role with --role \"admin=ROLE\"\n",
        "1 user with the role \"night shift\", which cannot be the name of a role: name one with --role ",
        "panel = \"none\" }\n\"night\" = { api = \"none\", panel = \"none\" }\n",
    ] {
        assert!(
            finished.stdout.contains(line),
            "{line}: {}",
            finished.stdout
        );
    }
    let roles = place
        .database
        .texts("id || ' ' || role", "users ORDER BY id");
    assert_eq!(roles, ["2 staff", "3 staff", "4 auditor", "5 night"]);
    let clients = place
        .database
        .texts("id || ' ' || username || ' ' || phone", "client_users");
    assert_eq!(clients, ["2 acme 02-123-4567"]);

    let file = "users = \"accounts_internaluser\"\nclients = \"accounts_clientuser\"\n[user]\nemail = \"mail_addr\"\n\
                [client]\nphone = \"\"\n[roles]\nadmin = \"admin\"\nmanager = \"auditor\"\n\"night shift\" = \"staff\"\nnight = \"staff\"\n";
    write(&place.path("site.toml"), file);
    let report = place.json(&site.import(&mut url, &["--mapping", "site.toml"]), "");
    assert_eq!(report["clients"]["unchanged"], 1, "{report}");
    let roles = place.database.texts("role", "users ORDER BY id");
    assert_eq!(roles, ["admin", "staff", "auditor", "staff"]);
}

#[test]
fn a_source_that_cannot_be_read_is_exit_code_2_and_says_what_would_be_right() {
    let (place, site, mut url) = (Place::new(), custom(), String::new());
    place.migrate();
    for (options, message) in [
        (
            vec![],
            "give one of these with --users: accounts_clientuser, accounts_internaluser",
        ),
        (
            vec!["--users", "nobody"],
            "the source has no table nobody for the users",
        ),
        (
            [&BOTH[..], &["--map", "user.email=mail"]].concat(),
            "user.email=mail: the table accounts_internaluser has no column mail; it has user_seq, ",
        ),
        (
            vec!["--map", "email=mail"],
            "is not of the form user.email=COLUMN",
        ),
        (
            vec!["--map", "user.mail=mail"],
            "there is no field \"mail\"; the fields are id, ",
        ),
        (vec!["--role", "superuser"], "must be of the form WORD=ROLE"),
        (
            vec!["--role", "superuser=king"],
            "there is no role \"king\"; the roles are admin, ",
        ),
        (vec!["--default-role", "king"], "there is no role \"king\""),
        (vec!["--mapping", "none.toml"], "--mapping none.toml: "),
    ] {
        let finished = place.run(&site.import(&mut url, &options));
        assert_eq!(finished.code, Some(2), "{options:?}: {finished:?}");
        assert!(
            finished.stderr.contains(message),
            "{options:?}: {finished:?}"
        );
    }
    for (arguments, message) in [
        (
            ["import", "django", "--from", "sqlite://none.db"],
            "there is no such SQLite file",
        ),
        (
            ["import", "django", "--from", "mysql://host/site"],
            "only Postgres and SQLite",
        ),
        (
            ["import", "users", "none.csv", "--dry-run"],
            "none.csv: No such file",
        ),
        (
            ["import", "users", "accounts.xlsx", "--dry-run"],
            "must end in .jsonl or .csv",
        ),
    ] {
        let finished = place.run(&arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(
            finished.stderr.contains(message),
            "{arguments:?}: {finished:?}"
        );
    }
    assert!(!place.path("none.db").exists());
}
