//! What an import says while it runs: on a terminal, and when it is stopped by a signal.

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::super::place::{Place, write};

#[test]
fn an_import_that_is_terminated_stops_after_its_batch_and_the_next_continues() {
    for signal in [Signal::TERM, Signal::INT] {
        stop_and_continue(signal);
    }
}

fn stop_and_continue(signal: Signal) {
    let place = Place::new();
    place.migrate();
    // A problem in each line: it waits, with most of the lines ahead, until somebody reads what it prints.
    let mut lines = "email,is_active\n".to_owned();
    for number in 1..=12_000 {
        writeln!(lines, "user{number}@example.org,perhaps").unwrap();
    }
    write(&place.path("users.csv"), &lines);
    let import = ["import", "users", "users.csv"];
    let mut process = place
        .command(&import)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("user line 2: is_active: "), "{line}");
    kill_process(Pid::from_child(&process), signal).unwrap();
    line.clear();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "munjigi: it stops after the running batch\n");
    let rest = thread::spawn(move || {
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        rest
    });
    assert_eq!(process.wait().unwrap().code(), Some(1));
    let rest = rest.join().unwrap();
    assert!(rest.contains("It was stopped before its end: run it again to continue.\n"));

    let imported = place.database.texts("email", "users").len();
    assert!((2_000..12_000).contains(&imported), "{imported}");
    let next = place.run(&[&import[..], &["--json"]].concat());
    assert_eq!(next.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&next.stdout).unwrap();
    assert_eq!(report["users"]["unchanged"], imported);
    assert_eq!(report["users"]["created"], 12_000 - imported);
    assert_eq!(report["stopped"], false);
}

#[test]
#[ignore = "tests/run"]
fn a_terminal_shows_the_progress() {
    let place = Place::new();
    place.migrate();
    let mut lines = "email\n".to_owned();
    for number in 1..=3_000 {
        writeln!(lines, "user{number}@example.org").unwrap();
    }
    write(&place.path("users.csv"), &lines);
    let import = place.command(&["import", "users", "users.csv"]);
    // Of util-linux: runs a command on a terminal of its own.
    let mut script = Command::new("script");
    script
        .args([
            "-qec",
            &format!("{} import users users.csv", env!("CARGO_BIN_EXE_munjigi")),
        ])
        .arg("/dev/null")
        .current_dir(place.path(""))
        .env_clear()
        .env("TERM", "xterm");
    for (name, value) in import.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    let output = script.stdin(Stdio::null()).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    for part in ["users ", " of 3,000, ", "/s, ", " left", "3000  users read"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
