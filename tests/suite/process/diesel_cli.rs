//! diesel CLI and the server can both migrate a database, and the printed schema is the checked-in one.

use std::{path::Path, process::Command};

use super::{
    database::Database,
    place::{Place, finish},
    tools::{diesel, in_repository},
};

/// diesel CLI as `docs/postgres.md` shows it: in the repository, with its one `diesel.toml`.
struct Diesel<'a> {
    program: &'a Path,
    place: &'a Place,
}

impl Diesel<'_> {
    fn run(&self, arguments: &[&str]) -> String {
        let (folder, url) = match &self.place.database {
            // diesel CLI does not create missing directories.
            Database::Sqlite(file) => {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                ("migrations/sqlite", self.place.database.url())
            }
            Database::Postgres { .. } => ("migrations/postgres", self.place.database.url()),
        };
        let mut command = Command::new(self.program);
        command
            .current_dir(in_repository(""))
            .env_clear()
            .args(arguments)
            .args(["--database-url", &url]);
        if arguments[0] == "migration" {
            command.args(["--migration-dir", folder]);
        }
        let finished = finish(command, "");
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        finished.stdout
    }

    /// The number of applied and of pending migrations.
    fn migrations(&self) -> (usize, usize) {
        let list = self.run(&["migration", "list"]);
        (list.matches("[X]").count(), list.matches("[ ]").count())
    }

    /// The schema of the database, with the type names that both databases share.
    fn schema(&self) -> String {
        in_shared_names(&self.run(&["print-schema"]))
    }
}

/// Replaces the type aliases that diesel prints, which differ between the databases.
fn in_shared_names(schema: &str) -> String {
    const ALIASES: [(&str, &str); 8] = [
        ("Int8", "BigInt"),
        ("Int4", "Integer"),
        ("Int2", "SmallInt"),
        ("Float8", "Double"),
        ("Float4", "Float"),
        ("Bytea", "Binary"),
        ("Varchar", "Text"),
        ("Bpchar", "Text"),
    ];
    let mut lines: Vec<String> = schema
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#["))
        .map(|line| {
            ALIASES.iter().fold(line.to_owned(), |line, (alias, name)| {
                line.replace(&format!("-> {alias},"), &format!("-> {name},"))
                    .replace(&format!("<{alias}>"), &format!("<{name}>"))
            })
        })
        .collect();
    // One table of `allow_tables_to_appear_in_same_query!` per line, independent of formatting.
    if let Some(start) = lines
        .iter()
        .position(|line| line.contains("allow_tables_to_appear"))
    {
        let block = lines.split_off(start).concat();
        let (_, names) = block.split_once('(').unwrap();
        let mut names: Vec<String> = names
            .trim_end_matches([')', ';', '}'])
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        names.sort();
        lines.push("tables:".into());
        lines.extend(names);
    }
    lines.join("\n")
}

fn checked_in() -> String {
    in_shared_names(&std::fs::read_to_string(in_repository("src/store/schema.rs")).unwrap())
}

#[test]
#[ignore = "tests/run"]
fn diesel_cli_runs_redoes_reverts_and_prints_the_checked_in_schema() {
    let program = diesel();
    let place = Place::new();
    let diesel = Diesel {
        program: &program,
        place: &place,
    };
    let before = std::fs::read_to_string(in_repository("src/store/schema.rs")).unwrap();
    let folders = std::fs::read_dir(in_repository("migrations/sqlite"))
        .unwrap()
        .count();

    diesel.run(&["migration", "run"]);
    assert_eq!(diesel.migrations(), (folders, 0));
    assert_eq!(diesel.schema(), checked_in());
    diesel.run(&["migration", "redo"]);
    assert_eq!(diesel.schema(), checked_in());
    diesel.run(&["migration", "redo", "--all"]);
    assert_eq!(diesel.schema(), checked_in());
    diesel.run(&["migration", "revert", "--all"]);
    assert_eq!(diesel.migrations(), (0, folders));
    assert_eq!(diesel.schema(), "", "something was left behind");
    diesel.run(&["migration", "run"]);
    assert_eq!(diesel.schema(), checked_in());
    // The commands do not change the checked-in file.
    let after = std::fs::read_to_string(in_repository("src/store/schema.rs")).unwrap();
    assert_eq!(before, after);
}

#[test]
#[ignore = "tests/run"]
fn the_server_accepts_a_database_that_diesel_cli_migrated() {
    let program = diesel();
    let place = Place::new();
    Diesel {
        program: &program,
        place: &place,
    }
    .run(&["migration", "run"]);
    assert_eq!(place.done(&["migrate"], ""), "The schema is up to date.\n");
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let mut client = server.client();
    let pair = client.session("staff@example.org");
    assert_eq!(client.refresh(&pair.refresh).status, 200);
    assert!(!server.startup().contains("migrations run"));
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn diesel_cli_finds_nothing_to_do_in_a_database_that_the_server_migrated() {
    let program = diesel();
    let place = Place::new();
    place.serve().stop();
    let diesel = Diesel {
        program: &program,
        place: &place,
    };
    assert_eq!(diesel.migrations().1, 0);
    assert_eq!(diesel.run(&["migration", "pending"]).trim(), "false");
    assert_eq!(diesel.schema(), checked_in());
}

#[test]
#[ignore = "tests/run"]
fn the_server_goes_on_from_where_diesel_cli_went_back_to() {
    let program = diesel();
    let place = Place::new();
    place.done(&["migrate"], "");
    let diesel = Diesel {
        program: &program,
        place: &place,
    };
    diesel.run(&["migration", "revert"]);
    assert_eq!(diesel.migrations().1, 1);
    let server = place.serve();
    assert!(server.startup().contains("1 migrations run"));
    server.stop();
    assert_eq!(diesel.schema(), checked_in());
}
