//! Values that cannot be read: unknown keys and variables, wrong types, invalid TOML.

use super::support::*;

#[test]
fn an_unknown_variable_is_rejected_with_a_suggestion() {
    for (name, remedy) in [
        (
            "MUNJIGI_SERVER_LISTEN",
            "did you mean `MUNJIGI_SERVER__LISTEN`?",
        ),
        (
            "MUNJIGI_TOKENS__ACESS_LIFETIME",
            "did you mean `MUNJIGI_TOKENS__ACCESS_LIFETIME`?",
        ),
        ("MUNJIGI_server__listen", "write `MUNJIGI_SECTION__KEY`"),
        (
            "MUNJIGI_FLUSH__WHATEVER",
            "`MUNJIGI_FLUSH__INTERVAL`, `MUNJIGI_FLUSH__BATCH_SIZE`",
        ),
        ("MUNJIGI_", "write `MUNJIGI_SECTION__KEY`"),
        ("MUNJIGI_PORT_8080_TCP", "enableServiceLinks"),
    ] {
        let message = load("", &[(name, "hunter2")]).unwrap_err();
        assert!(message.starts_with(&format!("{name}: ")), "{message}");
        assert!(
            message.contains(remedy) && !message.contains("hunter2"),
            "{message}"
        );
    }
}

#[test]
fn an_unknown_key_is_rejected_with_a_suggestion() {
    refused(
        "[tokens]\nacces_lifetime = '1m'",
        "tokens.acces_lifetime (F): unknown key: did you mean `access_lifetime`?",
    );
    refused(
        "[flush]\nx = 1",
        "flush.x (F): unknown key: the keys of `[flush]` are `interval`, `batch_size`",
    );
    refused(
        "[tokens]\npool_size = 1",
        "tokens.pool_size (F): unknown key: `pool_size` belongs under `[database]`",
    );
    refused(
        "[token]\nx = 1",
        "token (F): unknown section: did you mean `[tokens]`?",
    );
    refused(
        "[tokens.users]\naccess_lifetime = '5m'",
        "tokens.users (F): unknown section: did you mean `[tokens.user]`?",
    );
    refused(
        "[tokens.user]\nacces_lifetime = '5m'",
        "tokens.user.acces_lifetime (F): unknown key: did you mean `access_lifetime`?",
    );
    refused(
        "[tokens.user]\naccess_lifetime = 300",
        "tokens.user.access_lifetime (F): expected text in quotes, found a number",
    );
    refused(
        "listen = 'x'",
        "listen (F): not in a section: move it below `[server]`",
    );
    refused(
        "log = 'debug'",
        "log (F): this is a section, not a key: write `[log]` and its keys below it",
    );
}

#[test]
fn a_value_of_the_wrong_type_is_rejected_with_an_example() {
    refused(
        "[database]\npool_size = '8'",
        "database.pool_size (F): expected a whole number of 0 or more, found text, for example `pool_size = 8`",
    );
    refused_env(
        "MUNJIGI_DATABASE__POOL_SIZE",
        "many",
        "database.pool_size (MUNJIGI_DATABASE__POOL_SIZE): not a whole number, for example `MUNJIGI_DATABASE__POOL_SIZE=8`",
    );
    refused_env(
        "MUNJIGI_TOKENS__CLAIMS",
        "email,shoe",
        "tokens.claims[1] (MUNJIGI_TOKENS__CLAIMS): unknown value: give one of `email`, `role`, `name`, `username`, `account`",
    );
    refused(
        "[tokens]\naccess_lifetime = 1800",
        "tokens.access_lifetime (F): expected text in quotes, found a number, for example `access_lifetime = \"30m\"`",
    );
    refused_for(&[
        (
            "[database]\npool_size = -1",
            "database.pool_size",
            "give a whole number of 0 or more",
        ),
        ("[smtp]\nport = 70000", "smtp.port", "from 0 to 65535"),
        (
            "[tokens]\naccess_lifetime = '30'",
            "tokens.access_lifetime",
            "not a duration",
        ),
        (
            "[tokens]\nupdate_last_login = 'yes'",
            "tokens.update_last_login",
            "`true` or `false`",
        ),
        (
            "[tokens]\naudience = 'a'",
            "tokens.audience",
            "a list in brackets",
        ),
        (
            "[tokens]\nextra_claims = 3",
            "tokens.extra_claims",
            "a table such as",
        ),
        ("[otp]\ndelivery = 3", "otp.delivery", "text in quotes"),
        (
            "[otp]\ndelivery = 'pigeon'",
            "otp.delivery",
            "`console`, `smtp`, `webhook`",
        ),
        ("[log]\nlevel = 2026-01-01", "log.level", "text in quotes"),
        (
            "[server]\nlisten = 'localhost:8080'",
            "server.listen",
            "`127.0.0.1:8080`",
        ),
        (
            "[server]\ntrusted_proxies = ['::1', 'proxy']",
            "server.trusted_proxies[1]",
            "`10.0.0.0/8`",
        ),
        (
            "[server]\npublic_url = 'auth.example.org'",
            "server.public_url",
            "`https://auth.example.org`",
        ),
    ]);
    refused(
        "[tokens]\ntransport = 'Cookie'",
        "tokens.transport (F): unknown value: give one of `body`, `cookie`, `both`",
    );
    refused(
        "[server]\nallowed_origins = ['https://app.example.org', 'https://app.example.org/']",
        "server.allowed_origins[1] (F): not in the form that browsers send (lower case, no path, no user name, \
         no default port): give `https://app.example.org`",
    );
    refused_env(
        "MUNJIGI_SERVER__ALLOWED_ORIGINS",
        "https://app.example.org,*",
        "server.allowed_origins[1] (MUNJIGI_SERVER__ALLOWED_ORIGINS): wildcards are not allowed, because \
         requests carry credentials: list each origin, for example `https://app.example.org`",
    );
    refused_env(
        "MUNJIGI_TOKENS__EXTRA_CLAIMS",
        "a=b",
        "tokens.extra_claims (MUNJIGI_TOKENS__EXTRA_CLAIMS): not a JSON object: write for example `{\"tenant\": \"acme\"}`",
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let file = "[server]\nlisten = 1\nlsten = 2\n[otp]\nlength = 'x'";
    let message = load(file, &[("MUNJIGI_FOO", "x")]).unwrap_err();
    let mut keys: Vec<_> = message
        .lines()
        .filter_map(|line| line.split([' ', ':']).next())
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["MUNJIGI_FOO", "otp.length", "server.listen", "server.lsten"]
    );

    let file = "[database]\npool_size = 0\n[otp]\nlength = 5\n[flush]\nbatch_size = 0";
    let message = load(file, &[("MUNJIGI_OTP__LENGTH", "11")]).unwrap_err();
    assert_eq!(
        message,
        "database.pool_size (F): `0` is out of range: give 1 to 200\n\
         otp.length (MUNJIGI_OTP__LENGTH): `11` is out of range: give 6 to 10\n\
         flush.batch_size (F): `0` is out of range: give 1 to 1000000"
    );
}

#[test]
fn no_message_repeats_a_secret() {
    for file in [
        "[server]\nmaster_key = hunter2",
        "[server]\nmaster_key = \"hunter2",
        "[server]\nmaster_key = hunter2hunter2 x",
        "master_key = 'hunter2'",
        "[server]\nmaster_key = ['hunter2']",
        "[server]\nallowed_origins = ['https://u:hunter2@h']",
        "[server]\nmaster_key = { hunter = 'hunter2' }",
        "[smtp]\npassword = 77777",
        "[webhook]\nurl = 'hunter2'",
        "[database]\nurl = 'mysql://u:hunter2@h/n'",
        "[otp]\ndelivery = 'hunter2'",
    ] {
        let message = load(file, &[]).unwrap_err();
        assert!(
            !message.contains("hunter2") && !message.contains("77777"),
            "{message}"
        );
    }
}

#[test]
fn invalid_toml_is_rejected_with_its_line() {
    refused(
        "[server]\n\nlisten = \"x\"\nlisten = 1",
        "F, line 4, column 1: not TOML: duplicate key",
    );
}

#[test]
fn a_file_given_by_path_must_exist() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("absent.toml");
    let error = Config::load_with(Some(&path), &Environment::new()).unwrap_err();
    assert_eq!(error.problems().len(), 1);
    assert!(
        error
            .to_string()
            .contains("absent.toml: the configuration file cannot be read")
    );
}

#[test]
fn a_variable_that_is_not_utf8_is_rejected() {
    use std::os::unix::ffi::OsStringExt;
    let odd = Environment::from([(
        "MUNJIGI_SERVER__DATA_DIR".to_owned(),
        OsString::from_vec(vec![0xff]),
    )]);
    assert_eq!(
        load_with("", &odd).unwrap_err(),
        "server.data_dir (MUNJIGI_SERVER__DATA_DIR): not UTF-8 text"
    );
}
