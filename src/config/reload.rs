//! What changes when a running server reads its configuration again: a few settings at once, all others at the next start.

use std::collections::BTreeSet;

use crate::config::secret_files::{SECRETS, SecretKey};
use crate::config::sections::Config;

/// The keys that change while the server runs.
const RELOADABLE: [&str; 3] = [
    "log.level",
    "server.allowed_origins",
    "server.trusted_proxies",
];

/// The keys of the files that are read again while the server runs, if it has TLS before and after.
const TLS: [&str; 2] = ["server.tls_certificate", "server.tls_key"];

/// The keys whose values differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that change at once.
    pub reloaded: Vec<String>,
    /// Those that need a restart.
    pub needs_restart: Vec<String>,
}

impl Config {
    /// This configuration with the values of `new` for the keys that change while the server runs; and what differs.
    #[must_use]
    pub fn reloaded(&self, new: &Self) -> (Self, Changes) {
        let mut current = self.clone();
        current.log.level = new.log.level;
        current
            .server
            .allowed_origins
            .clone_from(&new.server.allowed_origins);
        current
            .server
            .trusted_proxies
            .clone_from(&new.server.trusted_proxies);
        let keeps_tls = self.server.has_tls() && new.server.has_tls();
        if keeps_tls {
            current
                .server
                .tls_certificate
                .clone_from(&new.server.tls_certificate);
            current.server.tls_key.clone_from(&new.server.tls_key);
        }
        let (reloaded, needs_restart) = self.differences(new).into_iter().partition(|key| {
            RELOADABLE.contains(&key.as_str()) || (keeps_tls && TLS.contains(&key.as_str()))
        });
        let changes = Changes {
            reloaded,
            needs_restart,
        };
        (current, changes)
    }

    /// The keys whose values differ.
    fn differences(&self, other: &Self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        if let (Ok(ours), Ok(theirs)) = (toml::Table::try_from(self), toml::Table::try_from(other))
        {
            let sections: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for section in sections {
                let of = |table: &toml::Table| match table.get(section) {
                    Some(toml::Value::Table(keys)) => keys.clone(),
                    _ => toml::Table::new(),
                };
                let (ours, theirs) = (of(&ours), of(&theirs));
                let names = ours.keys().chain(theirs.keys());
                let differing = names.filter(|name| ours.get(*name) != theirs.get(*name));
                keys.extend(differing.map(|name| format!("{section}.{name}")));
            }
        }
        // Secrets are masked in the tables.
        let secrets = SECRETS.iter().map(SecretKey::path);
        keys.extend(secrets.filter(|path| !self.has_same_secret(other, path)));
        keys
    }

    fn has_same_secret(&self, other: &Self, path: &str) -> bool {
        match path {
            "server.master_key" => self.server.master_key == other.server.master_key,
            "server.previous_master_keys" => {
                self.server.previous_master_keys == other.server.previous_master_keys
            }
            "database.url" => self.database.url == other.database.url,
            "django.secret_key" => self.django.secret_key == other.django.secret_key,
            "smtp.password" => self.smtp.password == other.smtp.password,
            "webhook.url" => self.webhook.url == other.webhook.url,
            "webhook.secret" => self.webhook.secret == other.webhook.secret,
            "traces.headers" => self.traces.headers == other.traces.headers,
            _ => false,
        }
    }
}
