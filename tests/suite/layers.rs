//! The structure of `src`: a file imports only from its own layer and from lower ones, no files import each other in a
//! cycle, no file is longer than 400 lines, and every file says what belongs in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The layers, lowest first. Layers of one row do not import from each other.
const LAYERS: &[&[&str]] = &[
    &["clock", "histogram", "log_writer"],
    &["traces", "worker_pool"],
    &["domain"],
    &["config"],
    &["tokens"],
    &["store", "delivery"],
    &["services"],
    &["http"],
    &["cli"],
];
const MAX_LINES: usize = 400;

/// The modules from the root of the crate to a file, such as `["store", "users"]`.
type Module = Vec<String>;

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Every Rust file in a folder, by its path from there.
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

fn module_of(path: &Path) -> Module {
    let path = path.with_extension("");
    let mut module: Module = path
        .components()
        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// The text without comments, and without the tests at the end of a file.
fn code_of(text: &str) -> String {
    let tests = text
        .find("\n#[cfg(test)]\nmod tests {")
        .unwrap_or(text.len());
    let lines = text[..tests].lines();
    lines
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        if !first.is_whitespace() {
            words.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    words
}

/// The paths of a tree such as `a::{b, c::d}`, which begins at the first of the words.
fn paths(
    words: &mut std::iter::Peekable<std::vec::IntoIter<&str>>,
    prefix: &Module,
) -> Vec<Module> {
    let mut path = prefix.clone();
    while let Some(word) = words.peek().copied() {
        match word {
            "::" | "*" => _ = words.next(),
            "{" => {
                words.next();
                let mut found = Vec::new();
                while words.peek().is_some_and(|word| *word != "}") {
                    let before = words.len();
                    let inner = paths(words, &path);
                    if words.len() == before {
                        // A comma, or something else than a tree: the braces are those of a value.
                        words.next();
                    } else {
                        found.extend(inner);
                    }
                }
                words.next();
                return found;
            }
            "as" => {
                words.next();
                words.next();
            }
            word if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                path.push(word.to_owned());
                words.next();
            }
            _ => break,
        }
    }
    vec![path]
}

/// The paths that a file names, from the root of the crate: in `use` items and in code.
fn imports(module: &Module, text: &str) -> Vec<Module> {
    let mut words = words(text)
        .into_iter()
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    let mut found = Vec::new();
    let (mut before, mut earlier) = ("", "");
    while let Some(word) = words.peek().copied() {
        let base = match word {
            // A visibility such as `pub(super)` or `pub(in crate::http)` imports nothing.
            "crate" | "super" if matches!((earlier, before), ("pub", "(") | ("(", "in")) => None,
            "crate" => Some(Vec::new()),
            "super" => {
                let parent = module.len().saturating_sub(1);
                Some(module[..parent].to_vec())
            }
            "self" if before == "use" => Some(module.clone()),
            // A module declaration.
            "mod" => {
                words.next();
                let name = words.next().unwrap_or_default();
                if words.peek() == Some(&";") {
                    let mut child = module.clone();
                    child.push(name.to_owned());
                    found.push(child);
                }
                (earlier, before) = ("mod", name);
                continue;
            }
            _ => None,
        };
        if let Some(base) = base {
            words.next();
            if words.peek() == Some(&"::") {
                found.extend(paths(&mut words, &base));
            }
            (earlier, before) = ("", "");
        } else {
            words.next();
            (earlier, before) = (before, word);
        }
    }
    found
}

/// Which file imports from which. Files that are compiled for tests or fuzzing only are left out.
fn import_graph() -> BTreeMap<Module, BTreeSet<Module>> {
    let files: Vec<_> = rust_files("src")
        .into_iter()
        .map(|(path, text)| (module_of(&path), code_of(&text)))
        .filter(|(module, _)| {
            !module
                .iter()
                .any(|part| ["tests", "fuzzing", "main"].contains(&part.as_str()))
        })
        .collect();
    let modules: BTreeSet<Module> = files.iter().map(|(module, _)| module.clone()).collect();
    files
        .iter()
        .map(|(module, code)| {
            let targets = imports(module, code).into_iter().filter_map(|path| {
                // The longest beginning of the path that is a file.
                (1..=path.len())
                    .rev()
                    .map(|length| path[..length].to_vec())
                    .find(|beginning| modules.contains(beginning))
            });
            let targets = targets.filter(|target| target != module).collect();
            (module.clone(), targets)
        })
        .collect()
}

/// The edges of all cycles, and of the paths between two cycles.
fn cyclic_edges(mut graph: BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    loop {
        let imported: BTreeSet<Module> = graph.values().flatten().cloned().collect();
        let before = graph.len();
        graph.retain(|module, targets| !targets.is_empty() && imported.contains(module));
        let left: BTreeSet<Module> = graph.keys().cloned().collect();
        for targets in graph.values_mut() {
            targets.retain(|target| left.contains(target));
        }
        if graph.len() == before {
            break;
        }
    }
    let name = |module: &Module| module.join("::");
    graph
        .iter()
        .flat_map(|(from, targets)| {
            targets
                .iter()
                .map(move |to| format!("{} -> {}", name(from), name(to)))
        })
        .collect()
}

#[test]
fn a_file_imports_only_from_its_own_layer_and_lower_ones() {
    let row = |layer: &str| LAYERS.iter().position(|row| row.contains(&layer));
    let mut imports = 0;
    for (module, targets) in import_graph() {
        let Some(own) = module.first() else { continue };
        let own_row = row(own).unwrap_or_else(|| panic!("{own} is not a layer"));
        for target in targets {
            let other = &target[0];
            let other_row = row(other).unwrap_or_else(|| panic!("{other} is not a layer"));
            imports += 1;
            assert!(
                other == own || other_row < own_row,
                "{} imports from {}, which is not in a lower layer",
                module.join("::"),
                target.join("::")
            );
        }
    }
    assert!(imports > 500, "only {imports} imports were found");
}

#[test]
fn no_files_import_each_other_in_a_cycle() {
    let edges = cyclic_edges(import_graph());
    assert!(edges.is_empty(), "imports in cycles:\n{}", edges.join("\n"));
}

#[test]
fn imports_are_found_in_every_form() {
    let module = vec!["store".to_owned(), "users".to_owned()];
    let text = "mod rows;\nuse crate::{\n clock::{Clock, Timestamp as Time},\n store::Db,\n};\n\
                use super::error;\npub(super) fn f() { crate::http::api(); }\nuse self::rows::Row;";
    let found: Vec<_> = imports(&module, text)
        .iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(
        found,
        [
            "store::users::rows",
            "clock::Clock",
            "clock::Timestamp",
            "store::Db",
            "store::error",
            "http::api",
            "store::users::rows::Row"
        ]
    );
}

#[test]
fn a_cycle_is_found_and_its_edges_are_named() {
    let module = |name: &str| vec![name.to_owned()];
    let edge = |from: &str, to: &[&str]| {
        let to: BTreeSet<Module> = to.iter().map(|name| module(name)).collect();
        (module(from), to)
    };
    let graph = |edges: &[(&str, &[&str])]| edges.iter().map(|(from, to)| edge(from, to)).collect();
    let cycle: &[(&str, &[&str])] = &[("a", &["b"]), ("b", &["c", "d"]), ("c", &["b"]), ("d", &[])];
    assert_eq!(cyclic_edges(graph(cycle)), ["b -> c", "c -> b"]);
    let none: &[(&str, &[&str])] = &[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])];
    assert!(cyclic_edges(graph(none)).is_empty());
}

#[test]
fn lib_rs_lists_every_layer() {
    let map = fs::read_to_string(root("src/lib.rs")).unwrap();
    for layer in LAYERS.concat() {
        assert!(
            map.contains(&format!("[`{layer}`]")),
            "{layer} is not in the table of lib.rs"
        );
        assert!(
            map.contains(&format!("pub mod {layer};")),
            "{layer} is not in lib.rs"
        );
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            let lines = text.lines().count();
            // As diesel CLI prints it: one table after the other.
            let is_generated = path.ends_with("store/schema.rs");
            assert!(
                lines <= MAX_LINES || is_generated,
                "{folder}/{} has {lines} lines",
                path.display()
            );
        }
    }
}

#[test]
fn every_file_begins_with_its_documentation() {
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            assert!(
                text.starts_with("//! "),
                "{folder}/{} has no documentation at its beginning",
                path.display()
            );
        }
    }
}
