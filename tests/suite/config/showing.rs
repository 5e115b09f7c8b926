//! The output of `munjigi config show` and `munjigi config example`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{keys_of_example, support::*};

#[test]
fn the_printed_configuration_masks_secrets_and_has_every_key() {
    let config = with_env(&[
        ("DATABASE_URL", "postgres://u:hunter2@h/n"),
        (
            "MUNJIGI_SERVER__MASTER_KEY",
            "hunter2hunter2hunter2hunter2hunter2",
        ),
        ("MUNJIGI_SMTP__USERNAME", "u"),
        ("MUNJIGI_SMTP__PASSWORD", "hunter2"),
        ("MUNJIGI_WEBHOOK__SECRET", "hunter2hunter2hunter2hunter2"),
        (
            "MUNJIGI_WEBHOOK__URL",
            "https://hooks.example.org:8443/hunter2?token=hunter2#hunter2",
        ),
        ("MUNJIGI_TOKENS__EXTRA_CLAIMS", r#"{"tenant": "acme"}"#),
    ]);
    let shown = config.to_toml();
    assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    for line in [
        "url = \"postgres://u:********@h/n\"",
        "url = \"https://hooks.example.org:8443/********\"",
        "master_key = \"********\"",
        "extra_claims = { tenant = \"acme\" }",
        "access_lifetime = \"30m\"",
        "# public_url is not set",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in\n{shown}"
        );
    }
    for path in keys_of_example() {
        let (_, key) = path.rsplit_once('.').unwrap();
        assert!(shown.contains(key), "{path}");
    }
}

#[test]
fn the_printed_default_configuration_parses_as_the_default() {
    assert_eq!(
        load(&Config::default().to_toml(), &[]),
        Ok(Config::default())
    );
}

#[test]
fn the_example_with_every_key_uncommented_is_the_default() {
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
    assert_eq!(keys.count(), keys_of_example().len());
}

#[test]
fn the_example_has_exactly_the_keys_of_the_structs() {
    let Value::Object(sections) = serde_json::to_value(Config::default()).unwrap() else {
        panic!("a configuration is an object");
    };
    let mut of_structs = BTreeSet::new();
    for (section, keys) in &sections {
        let keys = keys.as_object().unwrap().keys();
        of_structs.extend(keys.map(|key| format!("{section}.{key}")));
    }
    assert_eq!(keys_of_example(), of_structs);
}

#[test]
fn the_example_has_at_most_100_characters_per_line() {
    for line in EXAMPLE.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}
