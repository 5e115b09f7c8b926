//! The texts of the security checklist, `locales/checklist.{en,ko}.yml`: both languages have the same keys, every text
//! that a check uses exists, and no text is unused.

use std::collections::BTreeSet;

use munjigi::services::checklist::check::{Check, Group};

use super::{
    Words,
    panel::{assert_none, files, has_hangul, quoted, read_into},
    placeholders, read,
};
use crate::config::keys_of_example;

fn words(language: &str) -> Words {
    let (mut words, name) = (Words::new(), format!("locales/checklist.{language}.yml"));
    read_into(&mut words, &name, &read(&name), "checklist");
    words
}

#[test]
fn both_languages_have_the_same_texts() {
    let (en, ko) = (words("en"), words("ko"));
    assert_eq!(en.keys().collect::<Vec<_>>(), ko.keys().collect::<Vec<_>>());
    let mut problems = Vec::new();
    for (key, english) in &en {
        let korean = &ko[key];
        let mut wrong = |what: &str| problems.push(format!("{key} {what}: {english} | {korean}"));
        if english.trim().is_empty() || !has_hangul(korean) || has_hangul(english) {
            wrong("is not translated");
        }
        if placeholders(english) != placeholders(korean) {
            wrong("has different placeholders");
        }
        if english.matches('`').count() % 2 == 1 || korean.matches('`').count() % 2 == 1 {
            wrong("has an unclosed backtick");
        }
    }
    assert_none(&problems);
}

#[test]
fn every_text_is_used_and_exists() {
    let mut used: BTreeSet<String> = BTreeSet::new();
    let sections: BTreeSet<&str> = Check::NAMES.iter().copied().collect();
    for (_, source) in files("src/services/checklist", ".rs") {
        let keys = quoted(&source).filter(|text| {
            let section = text.split_once('.').map(|(section, _)| section);
            section.is_some_and(|s| sections.contains(s) || ["common", "unknown"].contains(&s))
        });
        used.extend(keys.map(str::to_owned));
    }
    assert!(used.len() > 60, "the sources are no longer read");
    used.extend(Check::NAMES.iter().map(|check| format!("{check}.title")));
    let groups = Group::ALL.iter().map(|group| group.as_str());
    used.extend(groups.map(|group| format!("group.{group}")));
    let defined: BTreeSet<String> = words("en").into_keys().collect();
    let one_sided = used.symmetric_difference(&defined);
    let problems: Vec<String> = one_sided
        .map(|key| format!("{key} is only defined or only used"))
        .collect();
    assert_none(&problems);
}

#[test]
fn every_setting_in_a_text_exists() {
    let settings = keys_of_example();
    let sections: BTreeSet<&str> = settings
        .iter()
        .filter_map(|s| s.split('.').next())
        .collect();
    let mut problems = Vec::new();
    for language in ["en", "ko"] {
        for (key, text) in words(language) {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
            for word in text.split(|c| !is_part(c)) {
                let word = word.trim_matches('.');
                let is_setting = word
                    .split_once('.')
                    .is_some_and(|(s, _)| sections.contains(s));
                if is_setting && !settings.contains(word) {
                    problems.push(format!("{language} {key}: there is no setting {word}"));
                }
            }
        }
    }
    assert_none(&problems);
}
