//! Every block of the language `console` is run as it is written, or marked as a sketch (```` ```console sketch ````).
//!
//! The blocks of a document are one session, in order, in an empty directory beside a server that has just been started.
//! `$ ` begins a command; what follows is what it prints, standard error included.
//!
//! - `…` in the output stands for anything. Output that begins with `{` is one line of JSON and may be broken into several.
//! - `NAME=…` takes its value from the last JSON answer: the member `name` of its `data`, or its own. `CODE` is the last one-time code in
//!   the server's log.
//! - `cargo run --release -q --`, `target/release/munjigi` and `munjigi` are the tested binary, `localhost:8080` is its
//!   server. The grace period of refresh tokens is one second, and a longer `sleep` takes two.

use std::process::Command;

use serde_json::Value;

use super::document::{Block, Document};
use crate::process::{
    place::{Place, finish},
    server::{Server, eventually},
};

const ELISION: char = '…';

/// A command and what it prints, as a document has them.
struct Step {
    line: usize,
    command: String,
    output: Vec<String>,
}

impl Step {
    fn of_block(block: &Block<'_>) -> Vec<Self> {
        let mut steps: Vec<Self> = Vec::new();
        let mut continued = false;
        for (line, text) in (block.first..).zip(&block.lines) {
            if let Some(command) = text.strip_prefix("$ ") {
                steps.push(Self {
                    line,
                    command: command.to_owned(),
                    output: Vec::new(),
                });
            } else {
                let step = steps.last_mut().expect("a block begins with a command");
                if continued {
                    step.command.push('\n');
                    step.command.push_str(text);
                } else {
                    step.output.push((*text).to_owned());
                }
            }
            continued = steps
                .last()
                .is_some_and(|step| step.output.is_empty() && step.command.ends_with('\\'));
        }
        steps
    }

    /// What it prints, in one text; lines of JSON are joined.
    fn expected(&self) -> String {
        if self
            .output
            .first()
            .is_some_and(|line| line.starts_with('{'))
        {
            return self.output.iter().map(|line| line.trim()).collect();
        }
        let lines: Vec<&str> = self.output.iter().map(|line| line.trim_end()).collect();
        lines.join("\n")
    }

    /// The variables that it sets, where it does nothing else.
    fn assignments(&self) -> Option<Vec<(&str, &str)>> {
        let words = self.command.split(' ').filter(|word| !word.is_empty());
        words
            .map(|word| {
                let (name, value) = word.split_once('=')?;
                let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
                (!name.is_empty() && name.chars().all(is_name)).then_some((name, value))
            })
            .collect()
    }
}

/// Whether a text is as expected, where `…` stands for anything.
fn matches(expected: &str, text: &str) -> bool {
    let mut parts = expected.split(ELISION);
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// A shell beside a server.
struct Session {
    place: Place,
    server: Server,
    variables: Vec<(String, String)>,
    answer: Value,
    exit_code: i32,
}

impl Session {
    fn start() -> Self {
        let place = Place::new().with("MUNJIGI_TOKENS__REUSE_GRACE", "1s");
        let programs = place.path("bin");
        std::fs::create_dir(&programs).unwrap();
        let binary = env!("CARGO_BIN_EXE_munjigi");
        std::os::unix::fs::symlink(binary, programs.join("munjigi")).unwrap();
        Self {
            server: place.serve(),
            place,
            variables: Vec::new(),
            answer: Value::Null,
            exit_code: 0,
        }
    }

    /// The value of a variable that a document leaves out.
    fn value(&self, name: &str) -> String {
        if name == "CODE" {
            return self.one_time_code();
        }
        let member = name.to_lowercase();
        let in_data = self.answer["data"][&member].as_str();
        in_data
            .or(self.answer[&member].as_str())
            .unwrap_or_else(|| panic!("no {name} in {}", self.answer))
            .to_owned()
    }

    fn one_time_code(&self) -> String {
        let mut code = None;
        eventually(|| {
            let log = self.server.log();
            let lines = log.lines().rev();
            let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
            code = lines.find_map(|line| Some(line.get("code")?.as_str()?.to_owned()));
            code.is_some()
        });
        code.unwrap()
    }

    fn run(&mut self, command: &str) -> String {
        let address = self.server.address.to_string();
        let command = command
            .replace("cargo run --release -q -- ", "munjigi ")
            .replace("target/release/munjigi ", "munjigi ")
            .replace("localhost:8080", &address)
            .replace("sleep 11", "sleep 2");
        let script = format!("exec 2>&1\n(exit {})\n{command}", self.exit_code);
        let binary = self.place.command(&[]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .current_dir(self.place.path(""))
            .env_clear()
            .envs(
                binary
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .envs(self.variables.iter().cloned())
            .env(
                "PATH",
                format!(
                    "{}:/usr/local/bin:/usr/bin:/bin",
                    self.place.path("bin").display()
                ),
            );
        let finished = finish(shell, "");
        self.exit_code = finished.code.expect("an exit code");
        if let Ok(answer) = serde_json::from_str(&finished.stdout) {
            self.answer = answer;
        }
        let lines: Vec<&str> = finished.stdout.lines().map(str::trim_end).collect();
        lines.join("\n")
    }

    fn step(&mut self, path: &str, step: &Step) {
        if let Some(assignments) = step.assignments() {
            for (name, value) in assignments {
                let value = if value.contains(ELISION) {
                    self.value(name)
                } else {
                    value.to_owned()
                };
                self.variables.retain(|(known, _)| known != name);
                self.variables.push((name.to_owned(), value));
            }
            return;
        }
        let printed = self.run(&step.command);
        let expected = step.expected();
        assert!(
            matches(&expected, &printed),
            "{path}:{}: {}\nexpected:\n{expected}\nprinted:\n{printed}",
            step.line,
            step.command
        );
    }
}

#[test]
fn a_console_block_is_run_or_marked_as_a_sketch() {
    let mut examples = 0;
    for document in Document::all() {
        for block in document.blocks() {
            let is_console = block.lines.iter().any(|line| line.starts_with("$ "));
            let is_marked = ["console", "console sketch"].contains(&block.info);
            let at = format!("{}:{}", document.path, block.first);
            assert_eq!(is_console, is_marked, "{at}: ```{}", block.info);
            examples += usize::from(block.info == "console");
        }
    }
    assert!(examples >= 10, "{examples}");
}

#[test]
#[ignore = "tests/run"]
fn every_console_example_prints_what_the_document_says() {
    for document in Document::all() {
        let blocks = document.blocks();
        let mut blocks = blocks
            .iter()
            .filter(|block| block.info == "console")
            .peekable();
        if blocks.peek().is_none() {
            continue;
        }
        let mut session = Session::start();
        for step in blocks.flat_map(Step::of_block) {
            session.step(&document.path, &step);
        }
    }
}

#[test]
fn an_elision_stands_for_anything_and_nothing_else_does() {
    for (expected, text) in [
        ("a", "a"),
        ("a…", "ab"),
        ("…b", "ab"),
        ("a…c…e", "abcde"),
        ("…", ""),
        ("a…b…", "axxb"),
        ("a…a", "aa"),
    ] {
        assert!(matches(expected, text), "{expected} {text}");
    }
    for (expected, text) in [
        ("a", "ab"),
        ("a…", "ba"),
        ("…b", "ba"),
        ("a…c…e", "aecd"),
        ("a…a", "a"),
        ("", "a"),
    ] {
        assert!(!matches(expected, text), "{expected} {text}");
    }
}
