//! Whether the connection to Postgres is encrypted, by the URL given to libpq: its hosts and its `sslmode`.

use crate::config::{Config, Database, is_loopback_host};
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::text::LocalizedText;

pub(super) fn finding(config: &Config) -> Finding {
    let check = Check::PostgresTls;
    let Database::Postgres(address) = config.database() else {
        return Finding::ok(check, "postgres_tls.sqlite");
    };
    let Some(connection) = PostgresConnection::of(&address) else {
        let (found, advice) = ("postgres_tls.unreadable", "postgres_tls.advice_unreadable");
        return Finding::new(check, Level::Problem, found, advice);
    };
    let Some(host) = connection.hosts.iter().find(|host| is_remote(host)) else {
        return Finding::ok(check, "postgres_tls.local");
    };
    let mode = connection.mode.as_deref();
    let (level, advice) = match mode {
        Some("verify-full") => (Level::Ok, "postgres_tls.advice"),
        // Encrypted, but the server's identity is not verified.
        Some("verify-ca" | "require") => (Level::Advice, "postgres_tls.advice_verify"),
        _ if cfg!(feature = "postgres-tls") => (Level::Problem, "postgres_tls.advice"),
        _ => (Level::Problem, "postgres_tls.advice_build"),
    };
    let found = match mode {
        Some(mode) => LocalizedText::value(format!("sslmode={mode}, {host}")),
        None => LocalizedText::new("postgres_tls.not_set").with("host", host),
    };
    Finding::new(check, level, found, advice)
}

/// The parameters of a connection that matter for encryption.
struct PostgresConnection {
    /// The hosts, or directories of sockets.
    hosts: Vec<String>,
    mode: Option<String>,
}

impl PostgresConnection {
    /// Parses `postgres://user:password@host:1,host:2/name?host=…&sslmode=…`. A password that is not percent-encoded may
    /// contain any character, so the hosts begin behind the last `@`.
    ///
    /// `None` if the hosts cannot be determined, or are in another file.
    fn of(address: &str) -> Option<Self> {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        // A password with a question mark, or a parameter with an at sign.
        if rest
            .split_once('?')
            .is_some_and(|(_, behind)| behind.contains('@'))
        {
            return None;
        }
        let rest = rest.rsplit_once('@').map_or(rest, |(_, behind)| behind);
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        let mut hosts: Vec<String> = authority.split(',').map(without_port).collect();
        let (mut mode, mut addresses) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                // A later parameter overrides an earlier one, and addresses override names.
                "host" => hosts = value.split(',').map(str::to_owned).collect(),
                "hostaddr" => {
                    addresses = Some(value.split(',').map(str::to_owned).collect::<Vec<_>>());
                }
                "service" => return None,
                "sslmode" => mode = Some(value.into_owned()),
                _ => {}
            }
        }
        let mut hosts = addresses.unwrap_or(hosts);
        hosts.retain(|host| !host.is_empty());
        let is_name = |host: &String| {
            let plain = |c: char| c.is_ascii_alphanumeric() || ".:_-/@".contains(c);
            host.chars().all(plain)
        };
        hosts.iter().all(is_name).then_some(Self { hosts, mode })
    }
}

fn without_port(host: &str) -> String {
    let bare = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    // The directory of a socket is percent-encoded here.
    bare.replace("%2F", "/").replace("%2f", "/")
}

/// No host, or the directory of a socket, means this machine.
fn is_remote(host: &str) -> bool {
    !host.starts_with(['/', '@']) && !is_loopback_host(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(address: &str) -> Level {
        let mut config = Config::default();
        config.database.url = Some(Database::Postgres(address.to_owned()));
        finding(&config).level
    }

    #[test]
    fn a_connection_to_another_machine_must_be_encrypted() {
        let safe = [
            "postgres://u:p@localhost/n",
            "postgres://u:p@127.0.0.1:5432/n",
            "postgres://u@[::1]:5432/n",
            "postgres:///n",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/n",
            "postgres:///n?host=/var/run/postgresql",
            "postgres://u:p@db.example.org/n?sslmode=verify-full",
        ];
        let unverified = [
            "postgres://u:p@db.example.org/n?sslmode=require",
            "postgres://u:p@db.example.org/n?x=y&sslmode=verify-ca",
        ];
        let unsafe_or_unknown = [
            "postgres://u:p@db.example.org/n",
            "postgres://u:p@db.example.org/n?sslmode=prefer",
            "postgres://u:p@10.0.0.7:5432/n?sslmode=disable",
            "postgres://u:p@[fd00::7]:5432/n",
            "postgres://u:p@localhost:1,db.example.org:2/n",
            "postgres:///n?host=db.example.org",
            "postgres:///n?hostaddr=10.255.255.1&host=localhost",
            "postgres://db.example.org/n?user=me@localhost",
            "postgres:///n?service=production",
            "postgres://u:p@x/y@db.example.org/n",
        ];
        for (expected, addresses) in [
            (Level::Ok, &safe[..]),
            (Level::Advice, &unverified),
            (Level::Problem, &unsafe_or_unknown),
        ] {
            for address in addresses {
                assert_eq!(level(address), expected, "{address}");
            }
        }
    }

    #[test]
    fn no_part_of_a_password_is_shown() {
        let mut config = Config::default();
        for address in [
            "postgres://u:hun/ter2?@hunter2@db.example.org/n?password=hunter2&sslmode=disable",
            "postgres://127.0.0.1:5432/n?user=app@tenant&password=hunter2",
            "postgres://db.example.org/n?password=hun@ter2",
            "postgres://u:hunter2@db.example.org/n?password=hunter2",
        ] {
            config.database.url = Some(Database::Postgres(address.to_owned()));
            let shown = format!("{:?} {}", finding(&config), config.database());
            assert!(!shown.contains("ter2") && !shown.contains("hun"), "{shown}");
        }
    }
}
