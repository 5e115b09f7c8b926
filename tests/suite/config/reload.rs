//! Which keys differ between the configuration of a running server and a new one.

use super::support::*;

#[test]
fn a_changed_secret_is_named_although_secrets_are_masked() {
    let long = |c: &str| c.repeat(40);
    for (key, toml) in [
        ("server.master_key", "[server]\nmaster_key = 'VALUE'"),
        (
            "server.previous_master_keys",
            "[server]\nprevious_master_keys = ['VALUE']",
        ),
        ("django.secret_key", "[django]\nsecret_key = 'VALUE'"),
        (
            "smtp.password",
            "[smtp]\nusername = 'u'\npassword = 'VALUE'",
        ),
        ("webhook.url", "[webhook]\nurl = 'https://h/VALUE'"),
        ("webhook.secret", "[webhook]\nsecret = 'VALUE'"),
        ("traces.headers", "[traces]\nheaders = 'name=VALUE'"),
        (
            "database.url",
            "[server]\nmaster_key = '0123456789abcdef0123456789abcdef'\n[database]\nurl = 'postgres://u:VALUE@h/n'",
        ),
    ] {
        let with = |c: &str| load(&toml.replace("VALUE", &long(c)), &[]).unwrap();
        let (old, new) = (with("a"), with("b"));
        let (current, changes) = old.reloaded(&new);
        assert_eq!(current, old, "{key}");
        assert_eq!(changes.needs_restart, [key]);
        assert!(changes.reloaded.is_empty(), "{changes:?}");
        assert_eq!(old.reloaded(&old).1, Changes::default(), "{key}");
    }
}

#[test]
fn few_keys_change_at_once() {
    let old = Config::default();
    let new = load(
        "[server]\nlisten = '127.0.0.1:9090'\ntrusted_proxies = ['10.0.0.7']\n\
         allowed_origins = ['https://app.example.org']\n[log]\nlevel = 'debug'\n\
         [tokens]\naccess_lifetime = '7m'",
        &[],
    );
    let new = new.unwrap();
    let (current, changes) = old.reloaded(&new);
    assert_eq!(
        changes.reloaded,
        [
            "log.level",
            "server.allowed_origins",
            "server.trusted_proxies"
        ]
    );
    assert_eq!(
        changes.needs_restart,
        ["server.listen", "tokens.access_lifetime"]
    );
    assert_eq!(current.log.level, LogLevel::Debug);
    assert_eq!(current.server.trusted_proxies.len(), 1);
    assert_eq!(current.server.listen, old.server.listen);
}

#[test]
fn files_of_a_certificate_change_at_once_unless_https_begins_or_ends() {
    let with = |name: &str| {
        let file = format!("[server]\ntls_certificate = '{name}.pem'\ntls_key = '{name}.key'");
        load(&file, &[]).unwrap()
    };
    let keys = ["server.tls_certificate", "server.tls_key"];
    let (current, changes) = with("a").reloaded(&with("b"));
    assert_eq!(changes.reloaded, keys);
    assert_eq!(current, with("b"));
    let http = Config::default();
    for (old, new) in [(&http, &with("a")), (&with("a"), &http)] {
        let (current, changes) = old.reloaded(new);
        assert_eq!(changes.needs_restart, keys);
        assert_eq!(&current, old);
    }
}
