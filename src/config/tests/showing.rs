//! What a person is shown: the configuration in effect, and the example.

use crate::config::tests::*;

#[test]
fn what_is_shown_masks_every_secret_and_names_every_key() {
    let config = with_env(&[
        ("DATABASE_URL", "postgres://u:hunter2@h/n"),
        (
            "MUNJIGI_TOKENS__SIGNING_KEY",
            "hunter2hunter2hunter2hunter2hunter2",
        ),
        ("MUNJIGI_SMTP__USERNAME", "u"),
        ("MUNJIGI_SMTP__PASSWORD", "hunter2"),
        ("MUNJIGI_WEBHOOK__SECRET", "hunter2hunter2hunter2hunter2"),
        ("MUNJIGI_TOKENS__EXTRA_CLAIMS", r#"{"tenant": "acme"}"#),
    ]);
    let shown = config.to_toml();
    assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    for line in [
        "url = \"postgres://u:********@h/n\"",
        "signing_key = \"********\"",
        "extra_claims = { tenant = \"acme\" }",
        "access_lifetime = \"30m\"",
        "# public_url is not set",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in\n{shown}"
        );
    }
    for entry in catalogue::entries() {
        assert!(shown.contains(entry.key), "{}", entry.key);
    }
}

#[test]
fn what_is_shown_of_the_default_reads_back_as_the_default() {
    assert_eq!(
        load(&Config::default().to_toml(), &[]),
        Ok(Config::default())
    );
}

#[test]
fn the_example_with_every_key_line_in_effect_is_the_default() {
    let in_effect: Vec<_> = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .collect();
    let in_effect = in_effect.join("\n");
    assert_eq!(load(&in_effect, &[]), Ok(Config::default()));
    assert_eq!(load(EXAMPLE, &[]), Ok(Config::default()));
    let keys = in_effect
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains(" = "));
    assert_eq!(keys.count(), catalogue::entries().count());
}

#[test]
fn the_example_has_every_key_and_no_other() {
    let Json::Object(sections) = serde_json::to_value(Config::default()).unwrap() else {
        panic!("a configuration is an object");
    };
    let mut of_structs = Vec::new();
    for (section, keys) in &sections {
        let keys = keys.as_object().unwrap().keys();
        of_structs.extend(keys.map(|key| format!("{section}.{key}")));
    }
    let mut of_example: Vec<_> = catalogue::entries().map(|entry| entry.path()).collect();
    of_structs.sort();
    of_example.sort();
    assert_eq!(of_example, of_structs);
}

#[test]
fn the_example_is_no_wider_than_a_page() {
    for line in EXAMPLE.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}
