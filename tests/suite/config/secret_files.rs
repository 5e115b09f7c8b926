//! Secrets from files: `file:PATH`, `MUNJIGI_…_FILE` and credentials of systemd.

use super::support::*;

/// Each secret key as TOML with this value, its variable for a path, its credential, and the secret.
const SECRETS: [(&str, &str, &str, &str); 6] = [
    (
        "[server]\nprevious_master_keys = [VALUE]",
        "MUNJIGI_SERVER__PREVIOUS_MASTER_KEYS_FILE",
        "previous_master_key",
        "a,key,with,commas,0123456789abcdef",
    ),
    (
        "[smtp]\nusername = 'u'\npassword = VALUE",
        "MUNJIGI_SMTP__PASSWORD_FILE",
        "smtp_password",
        "p w",
    ),
    (
        "[webhook]\nurl = VALUE",
        "MUNJIGI_WEBHOOK__URL_FILE",
        "webhook_url",
        "https://hooks.example.org/key",
    ),
    (
        "[webhook]\nsecret = VALUE",
        "MUNJIGI_WEBHOOK__SECRET_FILE",
        "webhook_secret",
        "0123456789abcdef01234567",
    ),
    (
        "[traces]\nheaders = VALUE",
        "MUNJIGI_TRACES__HEADERS_FILE",
        "traces_headers",
        "Authorization=Bearer 0123,tenant=a",
    ),
    (
        "[database]\nurl = VALUE",
        "MUNJIGI_DATABASE__URL_FILE",
        "database_url",
        "postgres://u:p@h/n",
    ),
];

/// The key with this value, and what a configuration with it requires.
fn with_rest(toml: &str, value: &str) -> String {
    let toml = toml.replace("VALUE", value);
    if toml.contains("[database]") {
        return format!("[server]\nmaster_key = '{KEY}'\n{toml}");
    }
    toml
}

fn written(folder: &TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_secret_is_read_from_the_file_that_the_configuration_names() {
    let folder = TempDir::new().unwrap();
    for (toml, _, name, secret) in SECRETS {
        let expected = load(&with_rest(toml, &format!("'{secret}'")), &[]).unwrap();
        for ending in ["", "\n", "\r\n", "\n\n"] {
            let path = written(&folder, name, &format!("{secret}{ending}"));
            let read = load(&with_rest(toml, &format!("'file:{path}'")), &[]);
            assert_eq!(read.as_ref(), Ok(&expected), "{toml} {ending:?}");
        }
        assert!(!expected.to_toml().contains(secret), "{toml}");
    }
}

#[test]
fn a_variable_with_file_at_its_end_names_the_file() {
    let folder = TempDir::new().unwrap();
    for (toml, variable, name, secret) in SECRETS {
        let expected = load(&with_rest(toml, &format!("'{secret}'")), &[]).unwrap();
        let path = written(&folder, name, &format!("{secret}\n"));
        // It overrides the file, whose own secret is not read.
        let file = with_rest(toml, "'file:/nowhere'");
        assert_eq!(
            load(&file, &[(variable, &path)]),
            Ok(expected),
            "{variable}"
        );
    }
    let path = written(&folder, "url", "diesel.db\n");
    let config = with_env(&[("DATABASE_URL_FILE", &path)]);
    assert_eq!(config.database(), Database::Sqlite("diesel.db".into()));
}

#[test]
fn a_secret_with_a_key_for_its_file_becomes_the_value_of_that_key() {
    let folder = TempDir::new().unwrap();
    // Not UTF-8: the content is not read here.
    let master = folder.path().join("master_key");
    std::fs::write(&master, [0xff; 40]).unwrap();
    let django = written(&folder, "django_secret_key", "the secret key of Django");
    let directory = folder.path().to_str().unwrap();
    let shown = master.display();
    let toml =
        format!("[server]\nmaster_key = 'file:{shown}'\n[django]\nsecret_key = 'file:{django}'");
    let variables = [
        ("MUNJIGI_SERVER__MASTER_KEY_FILE", master.to_str().unwrap()),
        ("MUNJIGI_DJANGO__SECRET_KEY_FILE", &django),
    ];
    for config in [
        load(&toml, &[]),
        load("", &variables),
        load("", &[("CREDENTIALS_DIRECTORY", directory)]),
    ] {
        let config = config.unwrap();
        assert_eq!(config.server.master_key, None);
        assert_eq!(config.master_key_file(), Some(master.clone()));
        assert_eq!(config.django.secret_key, None);
        assert_eq!(config.django.secret_key_file, Some(django.clone().into()));
    }
}

#[test]
fn systemd_provides_secrets_as_credentials() {
    for (toml, _, name, secret) in SECRETS {
        let folder = TempDir::new().unwrap();
        written(&folder, name, &format!("{secret}\n"));
        written(&folder, "of_another_program", "x");
        let directory = folder.path().to_str().unwrap();
        let expected = load(&with_rest(toml, &format!("'{secret}'")), &[]).unwrap();
        // An empty value counts as not set.
        let rest = with_rest(toml, "''").replace("['']", "[]");
        let rest = rest.replace("previous_master_keys = []", "");
        let read = load(&rest, &[("CREDENTIALS_DIRECTORY", directory)]);
        assert_eq!(read, Ok(expected), "{toml}");
    }
    let nowhere = [("CREDENTIALS_DIRECTORY", "/nowhere")];
    assert_eq!(load("", &nowhere), Ok(Config::default()));
}

#[test]
fn a_file_that_cannot_be_used_is_an_error_of_its_key() {
    let folder = TempDir::new().unwrap();
    let empty = written(&folder, "empty", " \n");
    let large = written(&folder, "large", &"x".repeat(70_000));
    let binary = folder.path().join("binary");
    std::fs::write(&binary, [0xff; 40]).unwrap();
    let directory = folder.path().to_str().unwrap();
    for (path, words) in [
        ("/nowhere/key", "the file /nowhere/key does not exist"),
        ("", "there is no path after `file:`"),
        (empty.as_str(), "is empty"),
        (large.as_str(), "has more than 65536 bytes"),
        (binary.to_str().unwrap(), "is not UTF-8 text"),
        (directory, "cannot be read"),
    ] {
        let file = format!("[smtp]\nusername = 'u'\npassword = 'file:{path}'");
        let message = load(&file, &[]).unwrap_err();
        let first = message.lines().next().unwrap();
        assert!(first.starts_with("smtp.password (F): "), "{message}");
        assert!(first.contains(words), "{words}: {message}");
    }
    let missing = [("MUNJIGI_WEBHOOK__SECRET_FILE", "/nowhere")];
    assert_eq!(
        load("", &missing).unwrap_err(),
        "webhook.secret (MUNJIGI_WEBHOOK__SECRET_FILE): the file /nowhere does not exist"
    );
    // What is wrong with the content is an error of the key too, and does not repeat it.
    let short = written(&folder, "short", "tooshort\n");
    let message = load("", &[("MUNJIGI_WEBHOOK__SECRET_FILE", &short)]).unwrap_err();
    assert!(
        message.starts_with("webhook.secret (MUNJIGI_WEBHOOK__SECRET_FILE): 8 bytes"),
        "{message}"
    );
    assert!(!message.contains("tooshort"), "{message}");
}

#[test]
fn a_secret_that_is_given_twice_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "database_url", "a.db");
    let directory = folder.path().to_str().unwrap();
    for (file, variables, message) in [
        (
            "",
            &[
                ("MUNJIGI_SMTP__PASSWORD", "x"),
                ("MUNJIGI_SMTP__PASSWORD_FILE", &path),
            ][..],
            "smtp.password (MUNJIGI_SMTP__PASSWORD_FILE): `MUNJIGI_SMTP__PASSWORD` is set too: remove one of the two",
        ),
        (
            "",
            &[("DATABASE_URL", "x"), ("DATABASE_URL_FILE", &path)],
            "database.url (DATABASE_URL_FILE): `DATABASE_URL` is set too: remove one of the two",
        ),
        (
            "",
            &[("DATABASE_URL", "x"), ("CREDENTIALS_DIRECTORY", directory)],
            "database.url (credential database_url): `DATABASE_URL` sets it too: remove one of the two",
        ),
        (
            "[server]\nmaster_key = 'file:/etc/hostname'\nmaster_key_file = 'x'",
            &[],
            "server.master_key (F): `server.master_key_file` is set too: remove one of the two",
        ),
        (
            "[database]\nurl = 'b.db'",
            &[("CREDENTIALS_DIRECTORY", directory)],
            "database.url (credential database_url): `F` sets it too: remove one of the two",
        ),
    ] {
        let error = load(file, variables).unwrap_err();
        assert!(error.lines().any(|line| line == message), "{error}");
    }
}

#[test]
fn only_keys_with_secrets_are_read_from_files() {
    let message = load("", &[("MUNJIGI_TOKENS__ISSUER_FILE", "/etc/hostname")]).unwrap_err();
    assert!(
        message.starts_with("MUNJIGI_TOKENS__ISSUER_FILE: unknown variable"),
        "{message}"
    );
    let config = load("[tokens]\nissuer = 'file:/etc/hostname'", &[]).unwrap();
    assert_eq!(config.tokens.issuer.as_deref(), Some("file:/etc/hostname"));
}
