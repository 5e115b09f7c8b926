//! The files of the server: what cannot be written, what may be missing, and who can read them.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    database::on_postgres,
    place::{Finished, PASSWORD, Place, finish},
    read_only::{set_modes, without_privileges},
    server::{Server, eventually},
};

const EMAIL: &str = "ann@example.org";

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn run(place: &Place, command: &[&str]) -> Finished {
    finish(without_privileges(&place.command(command)), "")
}

fn name_of(place: &Place, file: &Path) -> String {
    let name = file.strip_prefix(place.path("")).unwrap();
    name.to_str().unwrap().to_owned()
}

/// What writes is refused with the name of the file.
#[track_caller]
fn assert_refused(place: &Place, file: &Path, mode: u32) {
    let name = name_of(place, file);
    for command in [
        &["serve"][..],
        &["migrate"],
        &["user", "unlock", "--email", EMAIL],
    ] {
        let refused = run(place, command);
        assert_eq!(refused.code, Some(1), "{command:?}: {refused:?}");
        for part in [
            &format!("{name} cannot be written: it belongs to "),
            &format!(" (mode {mode:04o}) and munjigi runs as "),
            "Run `ch",
        ] {
            assert!(refused.stderr.contains(part), "{part}: {refused:?}");
        }
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    }
}

/// `check` has a problem with the name of the file.
#[track_caller]
fn assert_checked(place: &Place, file: &Path) {
    let check = run(place, &["check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    let printed = check
        .stdout
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let found = format!("{} cannot be written by ", name_of(place, file));
    assert!(printed.contains(&found), "{printed}");
}

#[test]
#[ignore = "tests/run"]
fn a_database_that_cannot_be_written_is_refused_with_its_file_only_on_sqlite() {
    assert!(!on_postgres(), "this test is for SQLite");
    let place = Place::on_sqlite();
    place.user(EMAIL, "admin");
    let directory = place.path("munjigi-data");
    let database = directory.join("munjigi.db");
    set_mode(&database, 0o444);
    assert_refused(&place, &database, 0o444);
    assert_checked(&place, &database);
    // SQLite creates its other files with the mode of the database.
    set_modes(&directory, 0o600, 0o700);

    // Left behind by a server that could not write.
    let log = directory.join("munjigi.db-wal");
    fs::write(&log, "").unwrap();
    set_mode(&log, 0o444);
    assert_refused(&place, &log, 0o444);
    fs::remove_file(&log).unwrap();

    set_mode(&directory, 0o500);
    assert_refused(&place, &directory, 0o500);
    assert_checked(&place, &directory);
    set_modes(&directory, 0o600, 0o700);
    let server = Server::start(without_privileges(&place.command(&[])));
    server.client().session(EMAIL);
    server.stop();
}

/// The whole answer of the server.
fn fetch(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// All files and directories below a directory.
fn everything_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn only_the_user_of_the_server_can_read_its_files_whatever_the_umask() {
    let place = Place::on_sqlite();
    let command = place.command(&[]);
    let with_umask_0 = |arguments: &[&str]| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "umask 0 && exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(arguments)
            .current_dir(place.path(""))
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        shell
    };
    assert_eq!(finish(with_umask_0(&["migrate"]), "").code, Some(0));
    place.user(EMAIL, "admin");
    let server = Server::start(with_umask_0(&["serve"]));
    server.client().session(EMAIL);
    let directory = place.path("munjigi-data");
    eventually(|| directory.join("audit.checkpoint").exists());
    let found = everything_below(&directory);
    for name in [
        "munjigi.db",
        "munjigi.db-wal",
        "munjigi.db-shm",
        "master.key",
    ] {
        assert!(found.contains(&directory.join(name)), "{found:?}");
    }
    for path in found {
        let metadata = fs::metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        let mode = metadata.permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{}", path.display());
    }
    server.stop();
}

#[test]
fn a_lost_master_key_is_not_replaced_without_a_request() {
    let place = Place::on_sqlite();
    place.user(EMAIL, "admin");
    let key = place.path("munjigi-data/master.key");
    let original = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let create = ["client", "create", "--username", "acme"];
    for command in [&["serve"][..], &create, &["tokens", "flush"]] {
        let refused = place.run(command);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        for part in [
            "munjigi-data/master.key is missing",
            "from the backup",
            "munjigi serve --new-key",
        ] {
            assert!(refused.stderr.contains(part), "{part}: {refused:?}");
        }
        assert!(!key.exists());
    }
    // Put back, it works as before.
    fs::write(&key, &original).unwrap();
    set_mode(&key, 0o600);
    let server = place.serve();
    let pair = server.client().session(EMAIL);
    server.stop();
    fs::remove_file(&key).unwrap();
    let server = Server::start(place.command(&["serve", "--new-key"]));
    assert_ne!(fs::read(&key).unwrap(), original);
    assert!(server.startup().contains("master.key (created"));
    assert_eq!(server.client().get("/api/me", &pair.access).status, 401);
    server.client().session(EMAIL);
    server.stop();
}

#[test]
fn the_command_line_creates_no_database_in_passing() {
    let place = Place::new();
    for command in [
        &[
            "user",
            "create",
            "--name",
            "Ann",
            "--password-stdin",
            "--email",
            EMAIL,
        ][..],
        &["client", "create", "--username", "acme"],
        &["user", "unlock", "--email", EMAIL],
        &["tokens", "flush"],
    ] {
        let refused = place.run_with_input(command, PASSWORD);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        for part in [
            &place.database_name(),
            "`munjigi serve` or `munjigi migrate`",
        ] {
            assert!(refused.stderr.contains(part), "{part}: {refused:?}");
        }
    }
    assert!(!place.path("munjigi-data").exists());
    assert!(place.run(&["migrate", "--status"]).stdout.contains("[ ] "));
}

#[test]
#[ignore = "tests/run"]
fn with_postgres_no_directory_needs_to_be_writable_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    place.user(EMAIL, "admin");
    let temporary = place.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let place = place.with("TMPDIR", temporary.as_os_str());
    set_modes(&temporary, 0o400, 0o500);
    set_mode(&place.path(""), 0o500);
    let server = Server::start(without_privileges(&place.command(&[])));
    server.wait_for_log("no checkpoint of the audit chain is kept outside the database");
    assert!(server.log().contains("server.data_dir"), "{}", server.log());
    server.client().session(EMAIL);
    let page = fetch(&server, "/admin/login");
    let (_, rest) = page.split_once("href=\"/static/").unwrap();
    let (style, _) = rest.split_once('"').unwrap();
    let style = fetch(&server, &format!("/static/{style}"));
    assert!(style.starts_with("HTTP/1.1 200 OK"), "{style}");
    server.stop();
    let left: Vec<PathBuf> = everything_below(&place.path(""));
    set_mode(&place.path(""), 0o700);
    assert_eq!(left, [place.path(""), temporary], "something was written");
}
