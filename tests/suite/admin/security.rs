//! The page with the security checklist, and that every line of it has its words.

use std::{collections::BTreeSet, fs, path::Path};

use munjigi::{
    domain::{
        account::Role,
        checklist::{Check, Group},
        language::Language,
    },
    services::checklist::{Status, all, group_title},
};

use crate::support::App;

#[tokio::test]
async fn it_tells_what_is_wrong_and_what_to_do() {
    let app = App::with(|config| config.tokens.rotate_refresh_tokens = false);
    let auditor = app.signed_in("eva", Role::Auditor).await;
    let page = auditor.open("/admin/security").await;
    assert!(page.text("#checklist .banner").contains("are wrong"));
    let rotation = page.text("[data-check=rotation]");
    assert!(
        rotation.contains("wrong") && rotation.contains("tokens.rotate_refresh_tokens = true"),
        "{rotation}"
    );
    assert!(page.has("[data-check=access_lifetime].is-ok"));
    assert!(!page.has("[data-check=access_lifetime] .checklist-advice"));
    // An auditor is no administrator: there is none.
    assert!(page.has("[data-check=administrators].is-problem"));
    let headings = page.texts("#checklist h2");
    let groups = Group::ALL
        .iter()
        .map(|group| group_title(*group, Language::En));
    assert_eq!(headings, groups.collect::<Vec<_>>());
    // The key of the tests stands in a setting, and nowhere on the page.
    assert!(!page.html.contains(crate::support::SIGNING_KEY));
}

#[tokio::test]
async fn what_is_mended_is_well_at_once() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let one = root.open("/admin/security").await;
    assert!(one.has("[data-check=administrators].is-advice"));
    app.make_user("ann", Role::Admin).await;
    let two = root.open("/admin/security").await;
    assert!(two.has("[data-check=administrators].is-ok"));
}

/// The cases that the sources name: a check by its variant, its case, and whether it is well.
fn cases() -> BTreeSet<(String, String, bool)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/services");
    let mut files = vec![folder.join("checklist.rs")];
    let parts = fs::read_dir(folder.join("checklist")).unwrap();
    files.extend(parts.map(|entry| entry.unwrap().path()));
    let mut cases = BTreeSet::new();
    for file in files {
        let source = fs::read_to_string(file).unwrap();
        for (made, is_ok) in [("ok(", true), ("advice(", false), ("problem(", false)] {
            for (at, _) in source.match_indices(&format!("{made}Check::")) {
                let call = source[at + made.len() + "Check::".len()..]
                    .split(')')
                    .next()
                    .unwrap();
                let (check, case) = call.split_once(',').unwrap();
                let case = case.trim().trim_matches('"');
                cases.insert((check.to_owned(), case.to_owned(), is_ok));
            }
        }
    }
    for check in ["KeyFile", "DatabaseFile"] {
        cases.insert((check.to_owned(), "private".to_owned(), true));
        cases.insert((check.to_owned(), "open".to_owned(), false));
    }
    cases
}

#[test]
fn every_case_has_its_words_in_both_languages_and_every_word_its_case() {
    let cases = cases();
    assert!(cases.len() > 60, "{cases:?}");
    let mut expected: BTreeSet<String> = Group::NAMES
        .iter()
        .map(|name| format!("group.{name}"))
        .collect();
    expected.extend(["unseen.unseen".to_owned(), "unseen.unseen_do".to_owned()]);
    let word = |variant: &str| {
        let check = Check::ALL
            .iter()
            .find(|check| format!("{check:?}") == variant);
        check.unwrap().as_str()
    };
    expected.extend(Check::NAMES.iter().map(|name| format!("{name}.title")));
    for (check, case, is_ok) in &cases {
        expected.insert(format!("{}.{case}", word(check)));
        if !is_ok {
            expected.insert(format!("{}.{case}_do", word(check)));
        }
    }
    for language in ["en", "ko"] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("locales/check.{language}.yml"));
        let mut found = BTreeSet::new();
        let mut section = String::new();
        for line in fs::read_to_string(path).unwrap().lines().skip(2) {
            if let Some((key, text)) = line.trim().split_once(": ") {
                assert!(text.len() > 3, "{language}: {key}");
                found.insert(format!("{section}.{}", key.trim_matches('"')));
            } else {
                line.trim().trim_end_matches(':').clone_into(&mut section);
            }
        }
        assert_eq!(found, expected, "{language}");
    }
}

#[tokio::test]
async fn no_finding_shows_a_key_instead_of_words() {
    let app = App::start();
    for finding in all(app.services()).await {
        for language in [Language::En, Language::Ko] {
            let advice = finding.advice(language);
            assert_eq!(
                advice.is_none(),
                finding.status == Status::Ok,
                "{finding:?}"
            );
            for text in [
                finding.title(language),
                finding.found(language),
                advice.unwrap_or_default(),
            ] {
                assert!(!text.contains("check.") && !text.contains("%{"), "{text}");
            }
        }
    }
}
