//! Precedence of defaults, file and environment, and how environment variables are parsed.

use munjigi::domain::principal::UserType;

use super::support::*;

#[test]
fn an_empty_configuration_is_the_default_and_valid() {
    assert_eq!(load("", &[]), Ok(Config::default()));
    assert_eq!(Config::default().validate(), Ok(()));
}

#[test]
fn the_environment_overrides_the_file_and_the_file_overrides_the_defaults() {
    let file = "[tokens]\naccess_lifetime = '10m'\nrefresh_lifetime = '20d'";
    let config = load(file, &[("MUNJIGI_TOKENS__ACCESS_LIFETIME", "5m")]).unwrap();
    assert_eq!(config.tokens.access_lifetime, Span::minutes(5));
    assert_eq!(config.tokens.refresh_lifetime, Span::days(20));
    assert_eq!(config.tokens.session_lifetime, Span::days(90));
}

#[test]
fn lifetimes_of_a_population_override_those_of_all() {
    let file = "[tokens]\naccess_lifetime = '10m'\n[tokens.user]\naccess_lifetime = '6m'\n[tokens.client]\nsession_lifetime = '60d'";
    let config = load(file, &[("MUNJIGI_TOKENS_USER__ACCESS_LIFETIME", "5m")]).unwrap();
    let lifetimes = config.lifetimes();
    let (user, client) = (lifetimes.of(UserType::User), lifetimes.of(UserType::Client));
    assert_eq!(
        (user.access, client.access),
        (Span::minutes(5).get(), Span::minutes(10).get())
    );
    assert_eq!(
        (user.session, client.session),
        (Span::days(90).get(), Span::days(60).get())
    );
    assert_eq!(
        (user.refresh, client.refresh),
        (Span::days(30).get(), Span::days(30).get())
    );
    assert_eq!(lifetimes.service_access, Span::minutes(5).get());
    let shown = config.to_toml();
    assert!(
        shown.contains("[tokens.user]\naccess_lifetime = \"5m\"\n# refresh_lifetime is not set\n"),
        "{shown}"
    );
}

#[test]
fn the_munjigi_variable_overrides_database_url_which_overrides_the_file() {
    let file = "[database]\nurl = 'file.db'";
    let both = [
        ("DATABASE_URL", "diesel.db"),
        ("MUNJIGI_DATABASE__URL", "munjigi.db"),
    ];
    for (variables, path) in [
        (&both[..0], "file.db"),
        (&both[..1], "diesel.db"),
        (&both[..], "munjigi.db"),
    ] {
        let config = load(file, variables).unwrap();
        assert_eq!(config.database(), Database::Sqlite(path.into()));
    }
}

#[test]
fn without_a_url_the_database_and_the_key_are_files_in_the_data_directory() {
    let config = with_env(&[("MUNJIGI_SERVER__DATA_DIR", "d")]);
    assert_eq!(config.database(), Database::Sqlite("d/munjigi.db".into()));
    assert_eq!(
        config.master_key_file(),
        Some(PathBuf::from("d/master.key"))
    );
    let config = with_env(&[("MUNJIGI_SERVER__MASTER_KEY", KEY)]);
    assert_eq!(config.master_key_file(), None);
}

#[test]
fn text_that_looks_like_another_type_stays_text_in_the_environment() {
    let config = with_env(&[
        ("MUNJIGI_TOKENS__ISSUER", "12345"),
        ("MUNJIGI_TOKENS__USER_ID_CLAIM", "true"),
        ("MUNJIGI_SMTP__USERNAME", "1e3"),
        ("MUNJIGI_SMTP__PASSWORD", "[1, 2]"),
        (
            "MUNJIGI_SERVER__MASTER_KEY",
            "00000000000000000000000000000000",
        ),
    ]);
    assert_eq!(config.tokens.issuer.as_deref(), Some("12345"));
    assert_eq!(config.tokens.user_id_claim, "true");
    assert_eq!(config.smtp.username.as_deref(), Some("1e3"));
    assert_eq!(config.smtp.password, Some(Secret::new("[1, 2]")));
    assert_eq!(
        config.server.master_key.map(|key| key.reveal().len()),
        Some(32)
    );
}

#[test]
fn the_environment_sets_keys_of_every_type() {
    let config = with_env(&[
        ("MUNJIGI_SERVER__LISTEN", "[::1]:0"),
        (
            "MUNJIGI_SERVER__TRUSTED_PROXIES",
            "10.0.0.0/8, 192.0.2.1,::1,",
        ),
        (
            "MUNJIGI_SERVER__ALLOWED_ORIGINS",
            "https://app.example.org, http://localhost:3000",
        ),
        ("MUNJIGI_TOKENS__TRANSPORT", "both"),
        ("MUNJIGI_DATABASE__POOL_SIZE", "3"),
        ("MUNJIGI_TOKENS__AUDIENCE", "a"),
        ("MUNJIGI_TOKENS__CLAIMS", "name,username"),
        ("MUNJIGI_TOKENS__UPDATE_LAST_LOGIN", "false"),
        ("MUNJIGI_TOKENS__ALGORITHM", "HS512"),
        (
            "MUNJIGI_TOKENS__EXTRA_CLAIMS",
            r#"{"tenant": "acme", "tier": 3}"#,
        ),
        ("MUNJIGI_SMTP__PORT", "2525"),
        ("MUNJIGI_LANGUAGE__DEFAULT", "ko"),
        ("MUNJIGI_LOG__FORMAT", "json"),
        ("munjigi_unknown", "x"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(config.server.listen.port(), 0);
    let proxies: Vec<_> = config
        .server
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.1/32", "::1/128"]);
    let origins = config.server.allowed_origins.iter().map(Origin::as_str);
    let listed = ["https://app.example.org", "http://localhost:3000"];
    assert!(origins.eq(listed));
    assert_eq!(config.tokens.transport, Transport::Both);
    assert_eq!(config.database.pool_size, 3);
    assert_eq!(config.tokens.audience, ["a"]);
    assert_eq!(config.tokens.claims, [ClaimName::Name, ClaimName::Username]);
    assert!(!config.tokens.update_last_login);
    assert_eq!(config.tokens.algorithm, Algorithm::Hs512);
    assert_eq!(
        serde_json::Value::from(config.tokens.extra_claims),
        serde_json::json!({"tenant": "acme", "tier": 3})
    );
    assert_eq!(
        (config.smtp.port, config.smtp.effective_port()),
        (Some(2525), 2525)
    );
    assert_eq!(
        config.language.default,
        munjigi::domain::language::Language::Ko
    );
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn an_empty_value_counts_as_not_set() {
    let config = with_env(&[
        ("MUNJIGI_DATABASE__POOL_SIZE", ""),
        ("MUNJIGI_SERVER__MASTER_KEY", ""),
        ("MUNJIGI_UNKNOWN", ""),
        ("DATABASE_URL", ""),
    ]);
    assert_eq!(config, Config::default());
    let empty = "[server]\npublic_url = ''\nmaster_key = ''\n[tokens]\nissuer = ''\n[smtp]\nca_file = ''\nport = 0";
    assert_eq!(load(empty, &[]), Ok(Config::default()));
}
