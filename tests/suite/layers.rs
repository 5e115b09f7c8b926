//! The rooms of the house: a file imports only from rooms above its own, and no file is longer than 400 lines.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// From the ground up; two rooms on one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["clock", "worker_pool"],
    &["domain"],
    &["config"],
    &["tokens"],
    &["store", "delivery"],
    &["services"],
    &["http"],
    &["cli"],
];
const MAX_LINES: usize = 400;

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Every Rust file under a folder, by its path from there.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let (root, mut found) = (root(folder), Vec::new());
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), text)
        })
        .collect()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// The rooms a text names behind `crate::`, in single paths and in braces.
fn rooms_named(text: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut rooms = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let Some(inside) = rest.strip_prefix('{') else {
            rooms.push(word(rest));
            continue;
        };
        let (mut depth, mut fresh) = (0_i32, true);
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                c if fresh && c.is_alphabetic() => {
                    rooms.push(word(&inside[at..]));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    rooms
}

#[test]
fn a_file_imports_only_from_rooms_above_its_own() {
    let mut imports = 0;
    for (path, text) in rust_files("src") {
        let own = path
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let own = own.trim_end_matches(".rs");
        // What is fuzzed stands beside the house: it is compiled for tests alone.
        if ["lib", "main", "fuzzing"].contains(&own) {
            continue;
        }
        let own_floor = floor(own).unwrap_or_else(|| panic!("{own} is no room of design.md"));
        for room in rooms_named(&text) {
            let Some(other) = floor(&room) else {
                panic!("{}: crate::{room} is no room", path.display());
            };
            imports += 1;
            assert!(
                room == own || other < own_floor,
                "{} imports from {room}, which does not stand above {own}",
                path.display()
            );
        }
    }
    assert!(
        imports > 100,
        "the search for imports finds nothing any more: {imports}"
    );
}

#[test]
fn the_search_for_imports_understands_braces() {
    let text = "use crate::{\n clock::{Clock, Timestamp},\n store::Db,\n};\nfn f() { crate::http::api(); }";
    assert_eq!(rooms_named(text), ["clock", "store", "http"]);
}

#[test]
fn the_map_of_the_house_lists_every_room() {
    let map = fs::read_to_string(root("src/lib.rs")).unwrap();
    for room in FLOORS.concat() {
        assert!(
            map.contains(&format!("[`{room}`]")),
            "{room} is not on the map in lib.rs"
        );
        assert!(
            map.contains(&format!("pub mod {room};")),
            "{room} is not in lib.rs"
        );
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            let lines = text.lines().count();
            assert!(
                lines <= MAX_LINES,
                "{folder}/{} has {lines} lines",
                path.display()
            );
        }
    }
}

#[test]
fn every_file_says_what_belongs_there() {
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            assert!(
                text.starts_with("//! "),
                "{folder}/{} opens without a word",
                path.display()
            );
        }
    }
}
