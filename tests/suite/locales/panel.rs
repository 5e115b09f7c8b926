//! The texts of the admin panel, `locales/admin/<topic>.{en,ko}.yml`: both languages have the same keys, every key that
//! a page uses is defined, and every key is used.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use munjigi::domain::{
    admin_scope::AdminScope,
    audit::{Action, AuditSource, Outcome},
    delivery::DeliveryKind,
    limits::LimitKind,
    preferences::Theme,
    principal::UserType,
    second_factor::SecondFactorMethod,
    session::RevocationReason,
    signing_key::KeyState,
    webhook::{EventType, WebhookState},
};

use super::{Words, placeholders};

/// Keys with a Korean text without Hangul: names, symbols, numbers.
const WITHOUT_HANGUL: [&str; 0] = [];

/// Keys that are intentionally the same in both languages.
const SAME_IN_BOTH: [&str; 0] = [];

/// Prefixes of keys that may be unused.
const VOCABULARY: [&str; 2] = ["common.", "field."];

/// Keys that are built at run time from a prefix and one of these names.
const FAMILIES: [(&str, &[&str]); 13] = [
    ("factor_method.", SecondFactorMethod::NAMES),
    ("user_type.", UserType::NAMES),
    ("reason.", RevocationReason::NAMES),
    ("action.", Action::NAMES),
    ("outcome.", Outcome::NAMES),
    ("source.", AuditSource::NAMES),
    ("theme.", Theme::NAMES),
    ("limit.", LimitKind::NAMES),
    ("key_state.", KeyState::NAMES),
    ("mail.", DeliveryKind::NAMES),
    ("admin_scope.", AdminScope::NAMES),
    ("webhook_event.", EventType::NAMES),
    ("webhook_state.", WebhookState::NAMES),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The files below a folder with this ending, and their texts.
pub(super) fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap();
                let text = fs::read_to_string(&path).unwrap();
                found.push((name.display().to_string(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file in {folder} ends with {ending}");
    found
}

/// Adds the entries of a file to `words`: `section.key` to text, without the top-level key `top_level`.
pub(super) fn read_into(words: &mut Words, name: &str, text: &str, top_level: &str) {
    let mut levels: Vec<String> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let entry = line.trim_start();
        if entry.is_empty() || entry.starts_with('#') || entry.starts_with("_version:") {
            continue;
        }
        let depth = (line.len() - entry.len()) / 2;
        // A key with a colon is in double quotes.
        let quoted = entry.strip_prefix('"');
        let (key, value) = quoted
            .map_or_else(|| entry.split_once(':'), |rest| rest.split_once("\":"))
            .unwrap_or_else(|| panic!("{name}:{number} is not an entry: {line}"));
        assert!(
            depth <= levels.len(),
            "{name}:{number} is nested too deeply"
        );
        levels.truncate(depth);
        let value = value.trim();
        if value.is_empty() {
            levels.push(key.to_owned());
            continue;
        }
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or_else(|| panic!("{name}:{number} is not in double quotes"));
        assert_eq!(
            levels.first().map(String::as_str),
            Some(top_level),
            "{name}:{number} is not below {top_level}:"
        );
        levels.push(key.to_owned());
        let key = levels[1..].join(".");
        levels.pop();
        let twice = words.insert(key.clone(), value.to_owned());
        assert!(twice.is_none(), "{name}:{number}: {key} is defined twice");
    }
}

/// All texts of the admin panel in a language.
fn words(language: &str) -> Words {
    let mut words = Words::new();
    for (name, text) in files("locales/admin", &format!(".{language}.yml")) {
        read_into(&mut words, &name, &text, "admin");
    }
    assert!(
        words.len() > 50,
        "the files of {language} are no longer parsed"
    );
    words
}

/// The topics that have a file in a language.
fn topics(language: &str) -> BTreeSet<String> {
    let ending = format!(".{language}.yml");
    let files = files("locales/admin", &ending);
    files
        .into_iter()
        .map(|(name, _)| name.strip_suffix(&ending).unwrap().to_owned())
        .collect()
}

pub(super) fn has_hangul(text: &str) -> bool {
    text.chars().any(|c| ('가'..='힣').contains(&c))
}

/// Fails and lists all problems, if defined are any.
#[track_caller]
pub(super) fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_topic_has_both_languages_with_the_same_keys() {
    assert_eq!(topics("en"), topics("ko"));
    let (en, ko) = (words("en"), words("ko"));
    let (en, ko): (BTreeSet<_>, BTreeSet<_>) = (en.keys().collect(), ko.keys().collect());
    let only = |of: &BTreeSet<_>, not_in: &BTreeSet<_>, language: &str| -> Vec<String> {
        of.difference(not_in)
            .map(|key: &&String| format!("only in {language}: {key}"))
            .collect()
    };
    let mut problems = only(&en, &ko, "English");
    problems.extend(only(&ko, &en, "Korean"));
    assert_none(&problems);
}

#[test]
fn every_text_is_translated() {
    let (en, ko) = (words("en"), words("ko"));
    let mut problems = Vec::new();
    for (key, english) in &en {
        let Some(korean) = ko.get(key) else { continue };
        let mut wrong = |what: &str| problems.push(format!("{key} {what}: {english} | {korean}"));
        if english.trim().is_empty() || korean.trim().is_empty() {
            wrong("is empty");
        }
        if placeholders(english) != placeholders(korean) {
            wrong("has different placeholders");
        }
        if has_hangul(english) {
            wrong("has Hangul in English");
        }
        if !has_hangul(korean) && !WITHOUT_HANGUL.contains(&key.as_str()) {
            wrong("has no Hangul");
        }
        if english == korean && !SAME_IN_BOTH.contains(&key.as_str()) {
            wrong("is not translated");
        }
    }
    assert_none(&problems);
}

/// The sources that use the texts: handlers and templates.
fn sources() -> Vec<(String, String)> {
    let mut sources = files("src/http/admin", ".rs");
    sources.extend(
        files("templates", ".html")
            .into_iter()
            .filter(|(name, _)| !name.starts_with("templates/mail")),
    );
    sources
}

/// The texts between any two double quotes of a line, except in comments. This includes what is between two quoted
/// texts, because templates have quoted texts within attributes; callers filter for keys.
pub(super) fn quoted(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1))
        .map(|text| text.strip_prefix("admin.").unwrap_or(text))
}

/// Whether a quoted text looks like a key of one of these sections.
fn is_key(text: &str, sections: &BTreeSet<&str>) -> bool {
    let Some((section, rest)) = text.split_once('.') else {
        return false;
    };
    let file_ends = ["html", "css", "js", "svg", "csv", "txt"];
    sections.contains(section)
        && !file_ends.contains(&rest)
        && rest.starts_with(|c: char| c.is_ascii_lowercase())
        && rest
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The prefixes that a source uses with `word`.
fn families_of(source: &str) -> impl Iterator<Item = String> {
    let calls = source.split(".word(\"").skip(1);
    calls
        .filter_map(|rest| rest.split('"').next())
        .map(|family| format!("{family}."))
}

/// The keys that a source uses with `t`, `tr_with` or `tr_count`.
fn used_keys(source: &str) -> Vec<&str> {
    let calls = [".t(", ".tr_with(", ".tr_count("];
    let after = calls
        .into_iter()
        .flat_map(|call| source.split(call).skip(1));
    after
        .filter_map(|rest| rest.trim_start().strip_prefix('"'))
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn every_used_key_is_defined() {
    let words = words("en");
    let sections: BTreeSet<&str> = words
        .keys()
        .filter_map(|key| key.split('.').next())
        .collect();
    let mut problems = BTreeSet::new();
    for (name, source) in sources() {
        let named = quoted(&source).filter(|text| is_key(text, &sections));
        for key in named.chain(used_keys(&source)) {
            // A prefix from which the key is built elsewhere.
            let is_prefix = key.ends_with('.') || key.contains('{');
            if !is_prefix && !words.contains_key(key) {
                problems.insert(format!("{name}: {key} is not defined"));
            }
        }
    }
    assert_none(&Vec::from_iter(problems));
}

#[test]
fn every_key_is_used() {
    let sources = sources();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut families: BTreeSet<String> = BTreeSet::new();
    for (_, source) in &sources {
        for text in quoted(source) {
            named.insert(text);
            let prefix = text.split('{').next().unwrap_or_default();
            if prefix.contains('.') && (text.contains('{') || text.ends_with('.')) {
                families.insert(prefix.to_owned());
            }
        }
        families.extend(families_of(source));
    }
    let is_used = |key: &str| {
        let base = key.strip_suffix("_one").unwrap_or(key);
        named.contains(key)
            || named.contains(base)
            || families
                .iter()
                .any(|family| key.starts_with(family.as_str()))
            || VOCABULARY.iter().any(|begin| key.starts_with(begin))
            || FAMILIES.iter().any(|(family, _)| key.starts_with(family))
    };
    let words = words("en");
    let unused = words.keys().filter(|key| !is_used(key));
    let problems: Vec<String> = unused.map(|key| format!("{key} is not used")).collect();
    assert_none(&problems);
}

#[test]
fn every_name_of_the_domain_enums_has_a_text_and_vice_versa() {
    let words = words("en");
    let mut problems = Vec::new();
    for (family, names) in FAMILIES {
        let defined: BTreeSet<&str> = words
            .keys()
            .filter_map(|key| key.strip_prefix(family))
            .collect();
        let expected: BTreeSet<&str> = names.iter().copied().collect();
        for name in expected.symmetric_difference(&defined) {
            problems.push(format!("{family}{name} is only a name or only a text"));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_placeholder_is_filled() {
    // `t1` fills %{value} and `tn` fills %{n}; other placeholders are named in the call.
    let handlers = files("src/http/admin", ".rs");
    let is_filled = |name: &str| {
        ["value", "n"].contains(&name)
            || handlers
                .iter()
                .any(|(_, source)| source.contains(&format!(" {name} = ")))
    };
    let words = words("en");
    let mut problems = Vec::new();
    for (key, text) in &words {
        for name in placeholders(text)
            .into_iter()
            .filter(|name| !is_filled(name))
        {
            problems.push(format!("{key}: %{{{name}}} is not filled"));
        }
    }
    assert_none(&problems);
}
