//! What the documents refer to exists: links, commands with their options, and configuration keys.

use std::collections::BTreeSet;

use munjigi::domain::webhook::EventType;

use super::document::Document;
use crate::config::keys_of_example;
use crate::process::{place::Place, tools::in_repository};

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(document: &Document) -> BTreeSet<String> {
    let prose = document.prose().into_iter();
    prose
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// The targets of a document's links and pictures, with the number of the line.
fn targets(document: &Document) -> Vec<(usize, &str)> {
    let prose = document.prose().into_iter();
    prose
        .flat_map(|(number, line)| {
            let parts = line.split("](").skip(1);
            parts.map(move |part| (number, part.split(')').next().unwrap_or_default()))
        })
        .collect()
}

#[test]
fn every_link_within_the_documents_leads_somewhere() {
    let mut links = 0;
    for document in Document::all() {
        let folder = document
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        for (number, target) in targets(&document) {
            if target.starts_with("https://") {
                continue;
            }
            links += 1;
            let at = format!("{}:{number}: {target}", document.path);
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match (file.strip_prefix("../"), folder) {
                (Some(above), _) => above.to_owned(),
                (None, _) if file.is_empty() => document.path.clone(),
                (None, "") => file.to_owned(),
                (None, folder) => format!("{folder}/{file}"),
            };
            assert!(in_repository(&path).is_file(), "{at}");
            if !anchor.is_empty() {
                let known = anchors(&Document::read(&path));
                assert!(known.contains(anchor), "{at}: {known:?}");
            }
        }
    }
    assert!(links > 50, "{links}");
}

/// The commands of a document's blocks, as words, without the variables before them and the comment behind.
fn commands(document: &Document) -> Vec<Vec<String>> {
    let blocks = document.blocks();
    let blocks = blocks
        .iter()
        .filter(|block| ["sh", "console", "console sketch"].contains(&block.info));
    let lines = blocks.flat_map(|block| {
        let text = block.lines.join("\n").replace("\\\n", " ");
        let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        lines
    });
    lines
        .flat_map(|line| {
            let line = line.split(" #").next().unwrap_or_default();
            let line = line
                .replace("cargo run --release -q -- ", "munjigi ")
                .replace("target/release/munjigi ", "munjigi ");
            let parts = line.split(['|', '&', ';']);
            let parts: Vec<Vec<String>> = parts
                .filter_map(|part| {
                    let mut words = part.split_whitespace();
                    words.find(|word| *word == "munjigi")?;
                    Some(words.map(ToOwned::to_owned).collect())
                })
                .collect();
            parts
        })
        .collect()
}

#[test]
fn every_command_in_the_documents_exists_with_its_options() {
    let place = Place::on_sqlite();
    let mut seen = 0;
    for document in Document::all() {
        for words in commands(&document) {
            let is_verb = |word: &&String| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let is_option = |word: &&String| word.starts_with("--");
            let verbs = words
                .iter()
                .take_while(|word| is_verb(word) && !is_option(word));
            let mut asked: Vec<&str> = verbs.map(String::as_str).collect();
            let command = format!("{}: munjigi {}", document.path, words.join(" "));
            asked.push("--help");
            let help = place.run(&asked);
            assert_eq!(help.code, Some(0), "{command}: {help:?}");
            let known: BTreeSet<&str> = help
                .stdout
                .split(|c: char| c.is_whitespace() || ",[]=".contains(c))
                .collect();
            for option in words.iter().filter(is_option) {
                assert!(known.contains(option.as_str()), "{command}: {option}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

/// Names of files that look like keys.
const FILES: [&str; 1] = ["audit.checkpoint"];

#[test]
fn every_configuration_key_in_the_documents_exists() {
    let keys = keys_of_example();
    let sections: BTreeSet<_> = keys
        .iter()
        .filter_map(|key| key.split('.').next())
        .collect();
    let mut seen = BTreeSet::new();
    for document in Document::all() {
        for (number, span) in document.code_spans() {
            let key = span.split(" = ").next().unwrap_or_default();
            let is_key = |(section, _): (&str, &str)| sections.contains(section);
            let is_other = FILES.contains(&key) || EventType::from_word(key).is_some();
            if is_other || !key.split_once('.').is_some_and(is_key) {
                continue;
            }
            assert!(keys.contains(key), "{}:{number}: {key}", document.path);
            seen.insert(key.to_owned());
        }
        for block in document
            .blocks()
            .iter()
            .filter(|block| block.info == "toml")
        {
            let file = place_with(&block.lines.join("\n"));
            let shown = file.run(&["config", "show"]);
            assert_eq!(
                shown.code,
                Some(0),
                "{}:{}: {shown:?}",
                document.path,
                block.first
            );
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
}

/// A directory with this configuration file.
fn place_with(configuration: &str) -> Place {
    let place = Place::on_sqlite();
    std::fs::write(place.path("munjigi.toml"), configuration).unwrap();
    place
}
