//! Commands that only read create and change nothing, whatever state the database is in: no directory, file, key, table,
//! migration or row.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::{
    database::{Database, on_postgres},
    place::{Finished, Place, finish, write},
    tools::in_repository,
};

/// Commands that only read and need the schema of this version, with a part of what they print in a place [`in_use`].
const COMMANDS: [(&[&str], &str); 8] = [
    (&["user", "list"], "ann@example.org"),
    (&["client", "list"], "acme"),
    (
        &["tokens", "flush", "--dry-run"],
        "         1  expired rows would be deleted\n",
    ),
    (
        &["tokens", "inspect"],
        "accepted: it would be accepted now\n",
    ),
    (&["audit", "verify"], "The audit log is intact"),
    (&["service", "list"], ""),
    (&["webhooks", "list"], ""),
    (&["keys", "list"], "HS256"),
];

/// Commands that only read and print something in any state of the database.
const STATUS: &[&str] = &["migrate", "--status"];
const CHECK: &[&str] = &["check"];

/// Everything that a command could change: the files below the directory with their times, and the rows on Postgres.
#[derive(Debug, PartialEq)]
struct State {
    files: BTreeMap<PathBuf, Option<(SystemTime, Vec<u8>)>>,
    rows: BTreeMap<String, Vec<String>>,
}

impl State {
    fn of(place: &Place) -> Self {
        let mut files = BTreeMap::new();
        add_files(&mut files, &place.path(""));
        let mut rows = BTreeMap::new();
        if let Database::Postgres { .. } = place.database {
            let database = &place.database;
            for (kind, value) in [("r", "t::text"), ("S", "t.last_value::text")] {
                let of_kind = format!(
                    "pg_class WHERE relkind = '{kind}' AND relnamespace = 'public'::regnamespace"
                );
                for table in database.texts("relname::text", &of_kind) {
                    let found = database.texts(value, &format!("\"{table}\" t ORDER BY 1"));
                    rows.insert(table, found);
                }
            }
        }
        Self { files, rows }
    }
}

fn add_files(files: &mut BTreeMap<PathBuf, Option<(SystemTime, Vec<u8>)>>, directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::metadata(&path).unwrap();
        if metadata.is_dir() {
            add_files(files, &path);
            files.insert(path, None);
        } else {
            let content = fs::read(&path).unwrap();
            files.insert(path, Some((metadata.modified().unwrap(), content)));
        }
    }
}

/// Runs a command, with and without `--json`; a token is on its standard input. Neither changes anything.
#[track_caller]
fn run(place: &Place, command: &[&str], token: &str) -> Finished {
    let before = State::of(place);
    let finished = place.run_with_input(command, token);
    let json = place.run_with_input(&[command, &["--json"]].concat(), token);
    assert_eq!(finished.code, json.code, "{command:?}: {json:?}");
    assert!(State::of(place) == before, "{command:?} changed something");
    finished
}

#[track_caller]
fn assert_refused(place: &Place, command: &[&str], reason: &str) {
    let finished = run(place, command, "x.y.z");
    assert_eq!(finished.code, Some(1), "{command:?}: {finished:?}");
    assert_eq!(finished.stdout, "", "{command:?}");
    let (line, rest) = finished.stderr.split_once('\n').unwrap();
    assert!(
        line.starts_with("munjigi: ") && line.contains(reason) && rest.is_empty(),
        "{command:?}: {finished:?}"
    );
}

#[test]
fn in_an_empty_directory_they_say_that_there_is_no_database_and_create_nothing() {
    let place = Place::on_sqlite();
    for (command, _) in COMMANDS {
        assert_refused(
            &place,
            command,
            "there is no database yet (SQLite, munjigi-data/munjigi.db)",
        );
    }
    let status = run(&place, STATUS, "");
    assert_eq!((status.code, status.stderr.as_str()), (Some(0), ""));
    let (first, rest) = status.stdout.split_once('\n').unwrap();
    assert_eq!(
        first,
        "There is no database yet (SQLite, munjigi-data/munjigi.db)."
    );
    assert!(
        rest.lines().count() > 0 && rest.lines().all(|line| line.starts_with("[ ] ")),
        "{status:?}"
    );
    let check = run(&place, CHECK, "");
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(
        check.stdout.contains("there is no database yet"),
        "{check:?}"
    );
    assert!(fs::read_dir(place.path("")).unwrap().next().is_none());
}

#[test]
fn in_an_empty_database_they_say_that_it_has_no_tables_and_create_none() {
    let place = Place::new();
    if let Database::Sqlite(file) = &place.database {
        write(file, "");
    }
    for (command, _) in COMMANDS {
        assert_refused(&place, command, "has no tables yet");
    }
    let status = run(&place, STATUS, "");
    assert_eq!((status.code, status.stderr.as_str()), (Some(0), ""));
    assert!(
        status.stdout.lines().all(|line| line.starts_with("[ ] ")),
        "{status:?}"
    );
    let check = run(&place, CHECK, "");
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("has no tables yet"), "{check:?}");
}

/// A place with accounts, a session, an audit chain and an expired row; and an access token.
fn in_use() -> (Place, String) {
    let place = Place::new();
    place.user("ann@example.org", "admin");
    place.client("acme");
    let server = place.serve();
    let token = server.client().session("ann@example.org").access;
    server.stop();
    place.database.execute(
        "INSERT INTO rate_limits (bucket, hits, expires_at) VALUES ('x', 1, '2020-01-01 00:00:00')",
    );
    (place, token)
}

/// What the commands print in such a place.
fn assert_all_answer(place: &Place, token: &str) {
    for (command, part) in COMMANDS.into_iter().chain([(STATUS, "[x] ")]) {
        let finished = run(place, command, token);
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(0), ""),
            "{command:?}: {finished:?}"
        );
        assert!(finished.stdout.contains(part), "{command:?}: {finished:?}");
    }
    // Its status says that there are problems.
    let check = run(place, CHECK, "");
    assert!(!check.stdout.contains("not known"), "{check:?}");
}

#[test]
fn a_database_in_use_is_left_as_it_was() {
    let (place, token) = in_use();
    assert_all_answer(&place, &token);
}

#[test]
fn a_directory_that_cannot_be_written_is_enough_only_on_sqlite() {
    // The database is not in the directory.
    assert!(!on_postgres(), "this test is for SQLite");
    let (place, token) = in_use();
    let directory = place.path("munjigi-data");
    set_modes(&directory, 0o400, 0o500);
    let mut touch = Command::new("touch");
    touch.arg(directory.join("file"));
    assert_ne!(finish(without_privileges(&touch), "").code, Some(0));
    let before = State::of(&place);
    let others = [(STATUS, "[x] "), (CHECK, " problem")];
    for (command, part) in COMMANDS.into_iter().chain(others) {
        let finished = finish(without_privileges(&place.command(command)), &token);
        assert_eq!(finished.stderr, "", "{command:?}");
        assert!(finished.stdout.contains(part), "{command:?}: {finished:?}");
        assert!(!finished.stdout.contains("not known"), "{finished:?}");
    }
    assert!(State::of(&place) == before);
    set_modes(&directory, 0o600, 0o700);
}

/// Sets the permissions of a directory and its files.
pub fn set_modes(directory: &Path, file: u32, own: u32) {
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    for entry in fs::read_dir(directory).unwrap() {
        set(&entry.unwrap().path(), file).unwrap();
    }
    set(directory, own).unwrap();
}

/// The same command; as root without the capability to ignore permissions.
pub fn without_privileges(command: &Command) -> Command {
    let mut same = if rustix::process::geteuid().is_root() {
        let mut setpriv = Command::new("/usr/bin/setpriv");
        setpriv
            .args(["--bounding-set=-all", "--inh-caps=-all", "--"])
            .arg(command.get_program());
        setpriv
    } else {
        Command::new(command.get_program())
    };
    let environment = command.get_envs();
    let set = environment.filter_map(|(name, value)| Some((name, value?)));
    same.args(command.get_args()).env_clear().envs(set);
    if let Some(directory) = command.get_current_dir() {
        same.current_dir(directory);
    }
    same
}

#[test]
fn beside_a_running_server_they_see_what_it_has_written() {
    let (place, token) = in_use();
    let server = place.serve();
    place.user("bob@example.org", "staff");
    let listed = place.done(&["user", "list"], "");
    assert!(listed.contains("bob@example.org"), "{listed}");
    let verified = place.done(&["audit", "verify"], "");
    assert!(verified.contains("The audit log is intact"), "{verified}");
    let inspected = place.done(&["tokens", "inspect"], &token);
    assert!(inspected.contains("accepted: "), "{inspected}");
    place.done(&["tokens", "flush", "--dry-run"], "");
    // The server can still read and write.
    server.client().session("bob@example.org");
    server.stop();
}

#[test]
fn without_a_master_key_none_is_created() {
    let place = Place::on_sqlite();
    place.done(&["migrate"], "");
    for command in [&["tokens", "inspect"][..], &["audit", "verify"]] {
        assert_refused(
            &place,
            command,
            "there is no master key yet (munjigi-data/master.key)",
        );
    }
    for command in [
        &["user", "list"][..],
        &["client", "list"],
        &["tokens", "flush", "--dry-run"],
    ] {
        assert_eq!(run(&place, command, "").code, Some(0), "{command:?}");
    }
    assert!(!place.path("munjigi-data/master.key").exists());
}

#[test]
fn an_older_schema_is_not_migrated() {
    let (place, _) = in_use();
    let newest = undo_newest_migration(&place.database);
    for (command, _) in COMMANDS {
        assert_refused(
            &place,
            command,
            "is older than this munjigi: 1 migrations are missing",
        );
    }
    let status = run(&place, STATUS, "");
    assert_eq!((status.code, status.stderr.as_str()), (Some(0), ""));
    let missing: Vec<&str> = status
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("[ ] "))
        .collect();
    assert_eq!(missing, [newest]);
    let check = run(&place, CHECK, "");
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("missing migrations: 1"), "{check:?}");
}

/// Takes the newest migration back; returns its name.
fn undo_newest_migration(database: &Database) -> String {
    let backend = match database {
        Database::Sqlite(_) => "sqlite",
        Database::Postgres { .. } => "postgres",
    };
    let folder = in_repository("migrations").join(backend);
    let names = fs::read_dir(&folder).unwrap();
    let name = names.map(|entry| entry.unwrap().file_name()).max().unwrap();
    let name = name.into_string().unwrap();
    let down = fs::read_to_string(folder.join(&name).join("down.sql")).unwrap();
    database.execute(&down);
    database.execute(
        "DELETE FROM __diesel_schema_migrations \
         WHERE version = (SELECT MAX(version) FROM __diesel_schema_migrations)",
    );
    name
}

/// A Postgres role that may only select, dropped with this value.
struct Reader<'a> {
    database: &'a Database,
    name: String,
}

impl<'a> Reader<'a> {
    fn create(database: &'a Database) -> Self {
        let name = format!("munjigi_reader_{}", std::process::id());
        database.execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"
        ));
        Self { database, name }
    }

    fn url(&self) -> String {
        let mut url = url::Url::parse(&self.database.url()).unwrap();
        url.set_username(&self.name).unwrap();
        url.set_password(Some("reader")).unwrap();
        url.to_string()
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.database
            .execute(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
    }
}

#[test]
#[ignore = "tests/run"]
fn a_role_that_may_only_select_is_enough_only_on_postgres() {
    // SQLite has no roles.
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let (place, token) = in_use();
    let reader = Reader::create(&place.database);
    let restricted = Place::on_sqlite()
        .with("DATABASE_URL", reader.url())
        .with("MUNJIGI_SERVER__MASTER_KEY", place.master_key());
    let before = State::of(&place);
    assert_all_answer(&restricted, &token);
    assert!(State::of(&place) == before, "a row was changed");
    let refused = restricted.run(&["user", "unlock", "--email", "ann@example.org"]);
    assert_eq!(refused.code, Some(1), "the role may write: {refused:?}");
}
