//! `munjigi config from-simplejwt`: what it prints is a configuration that loads.

use serde_json::{Value, json};

use super::place::{Place, write};

/// The printed file, what it is as loaded, and the messages on standard error.
fn converted(settings: &Value) -> (String, Value, String) {
    let place = Place::on_sqlite();
    let printed = place.run_with_input(&["config", "from-simplejwt"], &settings.to_string());
    assert_eq!(printed.code, Some(0), "{printed:?}");
    write(&place.path("munjigi.toml"), &printed.stdout);
    let loaded = place.json(&["config", "show"], "");
    (printed.stdout, loaded, printed.stderr)
}

#[test]
fn the_defaults_of_simplejwt_are_written() {
    let (text, loaded, messages) = converted(&json!({}));
    assert_eq!(messages, "");
    let tokens = &loaded["tokens"];
    for (key, expected) in [
        ("access_lifetime", json!("5m")),
        ("refresh_lifetime", json!("1d")),
        ("rotate_refresh_tokens", json!(false)),
        ("blacklist_after_rotation", json!(false)),
        ("update_last_login", json!(false)),
        ("leeway", json!("0s")),
    ] {
        assert_eq!(tokens[key], expected, "{key}");
    }
    assert_eq!(loaded["simplejwt"]["enabled"], true);
    assert_eq!(loaded["simplejwt"]["user_id_claim"], "user_id");
    assert!(text.contains("# ROTATE_REFRESH_TOKENS: unsafe"), "{text}");
    // Only `python manage.py shell` prints durations as other numbers.
    let (_, loaded, _) = converted(&json!({"ACCESS_TOKEN_LIFETIME": 90.7}));
    assert_eq!(
        loaded["tokens"]["access_lifetime"],
        "1m 30s".replace(' ', "")
    );
}

#[test]
fn every_setting_is_a_key_or_a_comment() {
    let path = |name: &str| format!("rest_framework_simplejwt.{name}");
    let (text, loaded, messages) = converted(&json!({
        "ACCESS_TOKEN_LIFETIME": 600.0,
        "REFRESH_TOKEN_LIFETIME": 86_400 * 120,
        "ROTATE_REFRESH_TOKENS": true,
        "BLACKLIST_AFTER_ROTATION": true,
        "UPDATE_LAST_LOGIN": true,
        "ALGORITHM": "HS512",
        "SIGNING_KEY": "a-secret-that-is-not-printed",
        "VERIFYING_KEY": "pem",
        "AUDIENCE": "api.example.org",
        "ISSUER": "https://site.example.org",
        "JSON_ENCODER": "site.Encoder",
        "JWK_URL": "https://keys.example.org",
        "LEEWAY": 10,
        "AUTH_HEADER_TYPES": ["JWT", "Bearer"],
        "AUTH_HEADER_NAME": "HTTP_X_ACCESS_TOKEN",
        "USER_ID_FIELD": "uuid",
        "USER_ID_CLAIM": "uid",
        "USER_AUTHENTICATION_RULE": "site.rule",
        "AUTH_TOKEN_CLASSES": [path("tokens.AccessToken"), path("tokens.SlidingToken"), "site.Token"],
        "TOKEN_TYPE_CLAIM": "kind",
        "JTI_CLAIM": "number",
        "TOKEN_USER_CLASS": "site.TokenUser2",
        "SLIDING_TOKEN_REFRESH_EXP_CLAIM": "until",
        "SLIDING_TOKEN_LIFETIME": 900,
        "SLIDING_TOKEN_REFRESH_LIFETIME": 7200,
        "TOKEN_OBTAIN_SERIALIZER": "site.Obtain",
        "TOKEN_REFRESH_SERIALIZER": path("serializers.TokenRefreshSerializer"),
        "TOKEN_VERIFY_SERIALIZER": "site.Verify",
        "TOKEN_BLACKLIST_SERIALIZER": "site.Blacklist",
        "SLIDING_TOKEN_OBTAIN_SERIALIZER": "site.Obtain",
        "SLIDING_TOKEN_REFRESH_SERIALIZER": "site.Refresh",
        "CHECK_REVOKE_TOKEN": true,
        "REVOKE_TOKEN_CLAIM": "hash",
        "CHECK_USER_IS_ACTIVE": false,
        "ROTATE_REFRESH_TOKEN": true,
        "SECRET_KEY": "a-secret-that-is-not-printed",
        "a\n[server]": 1,
    }));
    for (section, key, expected) in [
        ("tokens", "access_lifetime", json!("10m")),
        ("tokens", "session_lifetime", json!("120d")),
        ("tokens", "algorithm", json!("HS512")),
        ("tokens", "audience", json!(["api.example.org"])),
        ("tokens", "issuer", json!("https://site.example.org")),
        ("tokens", "leeway", json!("10s")),
        ("tokens", "auth_header_types", json!(["JWT", "Bearer"])),
        ("tokens", "auth_header_name", json!("X-Access-Token")),
        ("tokens", "rotate_refresh_tokens", json!(true)),
        ("django", "algorithm", json!("HS512")),
        ("django", "audience", json!(["api.example.org"])),
        ("django", "issuer", json!("https://site.example.org")),
        ("django", "revoke_token_claim", json!("hash")),
        ("simplejwt", "user_id_field", json!("external_id")),
        ("simplejwt", "user_id_claim", json!("uid")),
        ("simplejwt", "token_type_claim", json!("kind")),
        ("simplejwt", "jti_claim", json!("number")),
        ("simplejwt", "refresh_exp_claim", json!("until")),
        ("simplejwt", "sliding", json!(true)),
        ("simplejwt", "sliding_lifetime", json!("15m")),
        ("simplejwt", "sliding_refresh_lifetime", json!("2h")),
    ] {
        assert_eq!(loaded[section][key], expected, "{section}.{key}: {text}");
    }
    let left_out = [
        "VERIFYING_KEY",
        "JSON_ENCODER",
        "JWK_URL",
        "USER_AUTHENTICATION_RULE",
        "AUTH_TOKEN_CLASSES",
        "TOKEN_USER_CLASS",
        "TOKEN_OBTAIN_SERIALIZER",
        "TOKEN_VERIFY_SERIALIZER",
        "TOKEN_BLACKLIST_SERIALIZER",
        "SLIDING_TOKEN_OBTAIN_SERIALIZER",
        "SLIDING_TOKEN_REFRESH_SERIALIZER",
        "CHECK_USER_IS_ACTIVE",
        "ROTATE_REFRESH_TOKEN",
        "SECRET_KEY",
    ];
    for name in left_out {
        assert!(text.contains(&format!("# {name}: ")), "{name}: {text}");
        let message = format!("munjigi: {name} is not carried over");
        assert!(messages.contains(&message), "{message}: {messages}");
    }
    assert_eq!(messages.lines().count(), left_out.len() + 1, "{messages}");
    assert!(
        !text.contains("TOKEN_REFRESH_SERIALIZER: ")
            || text.contains("# SLIDING_TOKEN_REFRESH_SERIALIZER: ")
    );
    assert!(
        !text.contains("not-printed") && !text.contains("\n[server]"),
        "{text}"
    );
}

#[test]
fn values_that_munjigi_refuses_become_comments_with_the_reason() {
    let (text, _, messages) = converted(&json!({
        "ACCESS_TOKEN_LIFETIME": 86_400 * 30,
        "REFRESH_TOKEN_LIFETIME": "7 days, 0:00:00",
        "LEEWAY": "10",
        "ALGORITHM": "HS999",
        "AUDIENCE": 5,
        "ISSUER": 5,
        "TOKEN_TYPE_CLAIM": null,
        "AUTH_HEADER_NAME": "X",
        "AUTH_HEADER_TYPES": [],
        "USER_ID_CLAIM": "iss",
    }));
    for name in [
        "ACCESS_TOKEN_LIFETIME",
        "REFRESH_TOKEN_LIFETIME",
        "LEEWAY",
        "ALGORITHM",
        "AUDIENCE",
        "ISSUER",
        "TOKEN_TYPE_CLAIM",
        "AUTH_HEADER_NAME",
        "AUTH_HEADER_TYPES",
        "USER_ID_CLAIM",
    ] {
        assert!(text.contains(&format!("# {name}: ")), "{name}: {text}");
        assert!(
            messages.contains(&format!("munjigi: {name} is not carried over")),
            "{name}"
        );
    }
}

#[test]
fn other_input_is_refused() {
    for input in ["", "[]", "SIMPLE_JWT = {}", "null"] {
        let refused = Place::on_sqlite().run_with_input(&["config", "from-simplejwt"], input);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
        let expected = "munjigi: standard input is not the dictionary SIMPLE_JWT as JSON: ";
        assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    }
}

#[test]
fn the_claim_of_every_token_is_not_the_user_id_of_django() {
    let (text, loaded, _) = converted(&json!({"USER_ID_CLAIM": "user_seq"}));
    assert_eq!(loaded["simplejwt"]["user_id_claim"], "user_seq");
    assert_eq!(loaded["tokens"]["user_id_claim"], "account_seq");
    assert!(text.contains("# USER_ID_CLAIM: "), "{text}");
}
