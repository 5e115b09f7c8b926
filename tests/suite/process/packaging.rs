//! `munjigi completions` and `munjigi man`: what a package installs beside the program.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt, process::Command};

use super::{
    command_line::VERBS,
    place::{Place, finish},
};

/// A place whose configuration is refused: a package is built without one.
fn without_configuration() -> Place {
    Place::on_sqlite().with("MUNJIGI_SERVER__LISTEN", "nowhere")
}

#[test]
fn the_completions_of_each_shell_have_every_command() {
    let place = without_configuration();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let printed = place.done(&["completions", shell], "");
        for verb in VERBS.iter().filter_map(|verb| verb.last()) {
            assert!(printed.contains(verb), "{shell}: {verb}");
        }
    }
    let unknown = place.run(&["completions", "ksh"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("bash"), "{unknown:?}");
}

#[test]
fn bash_completes_a_command_and_its_verbs() {
    let place = without_configuration();
    let script = place.path("munjigi.bash");
    std::fs::write(&script, place.done(&["completions", "bash"], "")).unwrap();
    let complete = |words: &str, last: &str, count: usize| {
        let asked = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={count}; _munjigi munjigi {last}; echo \"${{COMPREPLY[*]}}\"",
            script.display()
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &asked]);
        let finished = finish(bash, "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout.trim().to_owned()
    };
    assert_eq!(complete("munjigi mig", "mig munjigi", 1), "migrate");
    assert_eq!(complete("munjigi tokens fl", "fl tokens", 2), "flush");
}

#[test]
fn the_manual_page_is_printed_and_those_of_all_commands_are_written() {
    let place = without_configuration();
    let printed = place.done(&["man"], "");
    for part in [
        ".TH munjigi 1",
        "SYNOPSIS",
        "munjigi\\-user(1)",
        "Exit codes",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let directory = place.path("man1");
    let missing = place.run(&["man", "man1"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("man1"), "{missing:?}");
    std::fs::create_dir(&directory).unwrap();
    place.done(&["man", "man1"], "");
    let mut written = BTreeSet::new();
    for entry in std::fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o644, "{entry:?}");
        written.insert(entry.file_name().into_string().unwrap());
    }
    let expected: BTreeSet<String> = VERBS
        .iter()
        .map(|verb| [&["munjigi"], *verb].concat().join("-") + ".1")
        .collect();
    assert_eq!(written, expected);
    assert_eq!(
        std::fs::read_to_string(directory.join("munjigi.1")).unwrap(),
        printed
    );
}
