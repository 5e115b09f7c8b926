//! Postgres roles with few rights: one that owns the tables and one that only reads and writes rows, and a role that may not
//! create the extension for searches.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{
    database::{Database, on_postgres},
    place::{Finished, MASTER_KEY, PASSWORD, Place},
};

/// A role of this test, dropped with this value.
struct Role<'a> {
    database: &'a Database,
    name: String,
}

impl<'a> Role<'a> {
    fn create(database: &'a Database) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("munjigi_role_{}_{number}", std::process::id());
        database.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'role'"));
        Self { database, name }
    }

    /// Runs statements as the superuser; `$ROLE` stands for the name.
    fn given(self, statements: &str) -> Self {
        self.database
            .execute(&statements.replace("$ROLE", &self.name));
        self
    }

    /// A place where the commands connect as this role.
    fn place(&self) -> Place {
        let mut url = url::Url::parse(&self.database.url()).unwrap();
        url.set_username(&self.name).unwrap();
        url.set_password(Some("role")).unwrap();
        Place::on_sqlite()
            .with("DATABASE_URL", url.as_str())
            .with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.database
            .execute(&format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}"));
    }
}

/// As docs/postgres.md shows it.
const ONLY_ROWS: &str = "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO $ROLE; \
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO $ROLE";

#[track_caller]
fn assert_done(finished: &Finished) {
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
}

#[test]
#[ignore = "tests/run"]
fn a_role_that_only_changes_rows_runs_the_server_and_every_command_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let owner = Place::new();
    owner.migrate();
    let role = Role::create(&owner.database).given(ONLY_ROWS);
    let place = role.place();
    let ann = ["--email", "ann@example.org"];
    let create = [
        &["user", "create", "--name", "Ann", "--password-stdin"][..],
        &ann,
    ]
    .concat();
    assert_done(&place.run_with_input(&create, PASSWORD));
    let set = [&["user", "set-password", "--password-stdin"][..], &ann].concat();
    assert_done(&place.run_with_input(&set, PASSWORD));
    for verb in ["deactivate", "activate", "unlock"] {
        assert_done(&place.run(&[&["user", verb][..], &ann].concat()));
    }
    for command in [
        &["migrate"][..],
        &["migrate", "--status"],
        &["user", "list"],
        &["client", "create", "--username", "acme"],
        &["client", "list"],
        &["tokens", "flush"],
        &["tokens", "flush", "--dry-run"],
        &["audit", "verify"],
        &["audit", "restart", "--reason", "a test"],
    ] {
        assert_done(&place.run(command));
    }
    let server = place.serve();
    let pair = server.client().session("ann@example.org");
    assert_eq!(server.client().refresh(&pair.refresh).status, 200);
    assert_eq!(server.client().get("/readyz", "").status, 200);
    server.stop();
    assert!(place.run(&["check"]).stdout.contains("schema up to date"));
}

#[test]
#[ignore = "tests/run"]
fn a_role_that_may_not_migrate_is_refused_with_the_number_and_the_command_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let owner = Place::new();
    let role = Role::create(&owner.database).given(ONLY_ROWS);
    let place = role.place();
    let all = std::fs::read_dir(super::tools::in_repository("migrations/postgres"))
        .unwrap()
        .count();
    let assert_refused = |missing: usize| {
        for command in [&["serve"][..], &["migrate"]] {
            let refused = place.run(command);
            assert_eq!(refused.code, Some(1), "{refused:?}");
            for part in [
                &format!("lacks {missing} migrations"),
                &role.name,
                "run `munjigi migrate` as the role that owns them",
            ] {
                assert!(refused.stderr.contains(part), "{part}: {refused:?}");
            }
        }
    };
    assert_refused(all);
    owner.migrate();
    owner.database.execute(
        "DELETE FROM __diesel_schema_migrations \
         WHERE version = (SELECT MAX(version) FROM __diesel_schema_migrations)",
    );
    owner.database.execute(&format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {0}; GRANT CREATE ON SCHEMA public TO {0}",
        role.name
    ));
    assert_refused(1);
}

/// The number of search indexes.
fn search_indexes(database: &Database) -> usize {
    database
        .texts(
            "indexname::text",
            "pg_indexes WHERE indexname LIKE '%\\_search' AND indexdef LIKE '%gin_trgm_ops%'",
        )
        .len()
}

#[track_caller]
fn assert_finds(place: &Place) {
    let create = [
        "user",
        "create",
        "--name",
        "홍길동",
        "--password-stdin",
        "--email",
        "gil@example.org",
    ];
    assert_done(&place.run_with_input(&create, PASSWORD));
    for part in ["길동", "gil@exa"] {
        let found = place.run(&["user", "list", "--search", part]);
        assert!(found.stdout.contains("gil@example.org"), "{found:?}");
    }
}

#[test]
#[ignore = "tests/run"]
fn the_search_extension_may_be_in_another_schema_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    place.database.execute(
        "CREATE SCHEMA \"Other extensions\"; CREATE EXTENSION pg_trgm SCHEMA \"Other extensions\"",
    );
    place.migrate();
    assert_eq!(search_indexes(&place.database), 3);
    assert_finds(&place);
}

#[test]
#[ignore = "tests/run"]
fn without_the_search_extension_everything_works_and_check_names_the_command_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let superuser = Place::new();
    let role = Role::create(&superuser.database)
        .given("CREATE SCHEMA app AUTHORIZATION $ROLE; ALTER ROLE $ROLE SET search_path = app");
    let place = role.place();
    place.migrate();
    assert_eq!(search_indexes(&superuser.database), 0);
    assert_finds(&place);
    let check = place.run(&["check"]);
    for part in ["searches without an index", "CREATE EXTENSION pg_trgm"] {
        assert!(check.stdout.contains(part), "{check:?}");
    }
    // As advised.
    superuser.database.execute("CREATE EXTENSION pg_trgm");
    let migrated = place.done(&["migrate"], "");
    assert_eq!(migrated, "The schema is up to date.\n");
    assert_eq!(search_indexes(&superuser.database), 3);
    let check = place.run(&["check"]);
    assert!(!check.stdout.contains("pg_trgm"), "{check:?}");
}
