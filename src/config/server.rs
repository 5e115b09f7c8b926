//! `[server]`: listening address, proxies, timeouts, the data directory and the master key.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, IntoDeserializer as _},
};
use url::Url;

use crate::config::browsers::Origin;
use crate::config::database::Database;
use crate::config::error::{Checks, check_ranges};
use crate::config::values::{Secret, Span, networks, optional_url, url_problem};

/// The minimum length of the master key: that of the keys that are derived from it.
pub const MIN_MASTER_KEY_BYTES: usize = 32;

/// Listening address, proxies, timeouts, the data directory and the master key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port to listen on.
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// PEM file with the server's certificate and those between it and a root, in this order. With it the server speaks
    /// https.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    pub tls_key: Option<PathBuf>,
    /// The URL at which clients reach the server, for links in mails and pages.
    #[serde(deserialize_with = "optional_url")]
    pub public_url: Option<Url>,
    /// The first part of the names of all cookies. See [`ServerConfig::effective_cookie_prefix`] for the default.
    pub cookie_prefix: Option<String>,
    /// Whether `Strict-Transport-Security` includes the subdomains of the host of `public_url`.
    pub hsts_include_subdomains: bool,
    /// Origins that may call the API from a browser with credentials. The server's own origin is always allowed.
    pub allowed_origins: Vec<Origin>,
    /// Networks of proxies. The forwarded header is ignored for requests from other addresses.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which the proxies send the client address.
    pub forwarded_header: ForwardedHeader,
    /// Files in it are served under `/static` instead of the built-in ones of the same name.
    pub static_dir: Option<PathBuf>,
    /// Directory of the `SQLite` database and the generated master key.
    pub data_dir: PathBuf,
    /// The master key: the bytes of this text.
    pub master_key: Option<Secret>,
    /// File that contains the master key; for `None` see [`crate::config::Config::master_key_file`].
    pub master_key_file: Option<PathBuf>,
    /// Other master keys that are accepted, while the master key is changed.
    pub previous_master_keys: Vec<Secret>,
    /// Files that contain other master keys that are accepted.
    pub previous_master_key_files: Vec<PathBuf>,
    /// Worker threads; 0 means one per core.
    pub workers: usize,
    /// Maximum number of open connections, over all workers.
    pub max_connections: usize,
    /// Maximum time from the first to the last byte of a request head.
    pub head_timeout: Span,
    /// How long a connection may wait for its next request.
    pub keep_alive: Span,
    /// Maximum time from a request head to its response head, and maximum time a response may make no progress.
    pub request_timeout: Span,
    /// How long `/readyz` answers `503` after the stop signal, while everything else is served, before the port is closed.
    pub drain: Span,
    /// How long running requests may take after the stop signal and `drain`.
    pub shutdown_timeout: Span,
}

/// The header in which a proxy sends the client address. Only one is read: a proxy sets one of them and passes the other
/// on as the client sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, the de facto standard.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardedHeader {
    /// The header name, which is also the value of the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls_certificate: None,
            tls_key: None,
            public_url: None,
            cookie_prefix: None,
            hsts_include_subdomains: false,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            static_dir: None,
            data_dir: PathBuf::from("munjigi-data"),
            master_key: None,
            master_key_file: None,
            previous_master_keys: Vec::new(),
            previous_master_key_files: Vec::new(),
            workers: 0,
            max_connections: 10_000,
            head_timeout: Span::seconds(10),
            keep_alive: Span::seconds(75),
            request_timeout: Span::seconds(30),
            drain: Span::seconds(0),
            shutdown_timeout: Span::seconds(30),
        }
    }
}

impl ServerConfig {
    /// Whether browsers reach the server over https, according to `public_url`; without it, whether the server has TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        let url = self.public_url.as_ref();
        url.map_or(self.has_tls(), |url| url.scheme() == "https")
    }

    /// Whether the server has a certificate, so that it speaks https itself.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some()
    }

    /// The scheme that the listeners speak.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.has_tls() { "https" } else { "http" }
    }

    /// The number of worker threads: `workers`, or one per core.
    #[must_use]
    pub fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => workers,
        }
    }

    /// The first part of the names of all cookies: `cookie_prefix`, or `munjigi`. Browsers send cookies to all ports of a host,
    /// so on http the default ends with the port of `public_url` or `listen`; not with 80, and not with 0, where the system
    /// chooses the port.
    #[must_use]
    pub fn effective_cookie_prefix(&self) -> String {
        if let Some(prefix) = &self.cookie_prefix {
            return prefix.clone();
        }
        let port = match &self.public_url {
            _ if self.is_https() => None,
            Some(url) => url.port_or_known_default(),
            None => Some(self.listen.port()),
        };
        match port {
            None | Some(0 | 80) => "munjigi".to_owned(),
            Some(port) => format!("munjigi_{port}"),
        }
    }

    /// The path of `public_url` without a slash at the end: empty, or what the proxy removes from the path of each request.
    #[must_use]
    pub fn path_prefix(&self) -> &str {
        let url = self.public_url.as_ref();
        url.map_or("", |url| url.path().trim_end_matches('/'))
    }

    /// `public_url` without a slash at the end: the address that paths are appended to.
    #[must_use]
    pub fn public_base(&self) -> Option<&str> {
        let url = self.public_url.as_ref();
        url.map(|url| url.as_str().trim_end_matches('/'))
    }

    pub(super) fn check(&self, database: &Database, checks: &mut Checks) {
        self.check_public_url(checks);
        self.check_tls(checks);
        self.check_master_key(database, checks);
        self.check_cookie_prefix(checks);
        if self.data_dir.as_os_str().is_empty() {
            checks.refuse(
                "server.data_dir",
                "must not be empty: give a directory, for example `munjigi-data`",
            );
        }
        check_ranges!(checks, "server", self, {
            workers: 0..=256,
            max_connections: 1..=1_000_000,
            head_timeout: Span::millis(100)..=Span::minutes(1),
            keep_alive: Span::seconds(1)..=Span::hours(1),
            request_timeout: Span::millis(100)..=Span::minutes(10),
            drain: Span::seconds(0)..=Span::minutes(10),
            shutdown_timeout: Span::seconds(0)..=Span::minutes(10),
        });
    }

    fn check_master_key(&self, database: &Database, checks: &mut Checks) {
        let keys = self.master_key.iter().map(|key| ("server.master_key", key));
        let others = self.previous_master_keys.iter();
        for (key, secret) in keys.chain(others.map(|key| ("server.previous_master_keys", key))) {
            if let Some(problem) = master_key_problem(secret.reveal()) {
                checks.refuse(key, problem);
            }
        }
        if self.master_key.is_some() && self.master_key_file.is_some() {
            checks.refuse(
                "server.master_key_file",
                "`server.master_key` is also set: give only one of the two",
            );
        }
        let is_missing = self.master_key.is_none() && self.master_key_file.is_none();
        if is_missing && matches!(database, Database::Postgres(_)) {
            checks.refuse(
                "server.master_key",
                "required on Postgres, where all instances must use the same key: add `master_key = \"…\"` under \
                 `[server]` with the output of `openssl rand -base64 48`, or set `master_key_file`",
            );
        }
    }

    fn check_public_url(&self, checks: &mut Checks) {
        let Some(url) = &self.public_url else {
            return;
        };
        if let Some(problem) = url_problem(url) {
            checks.refuse("server.public_url", problem);
        } else if url.query().is_some() || url.fragment().is_some() {
            checks.refuse(
                "server.public_url",
                "paths are appended to this URL: remove the part after `?` or `#`",
            );
        } else if !is_plain_path(self.path_prefix()) {
            checks.refuse(
                "server.public_url",
                "the path may contain letters, digits, `-`, `_`, `.`, `~` and single slashes only: \
                 give for example `https://example.org/login`",
            );
        }
    }

    fn check_tls(&self, checks: &mut Checks) {
        let required = "required with the other one of `server.tls_certificate` and `server.tls_key`: give both or neither";
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => checks.refuse("server.tls_key", required),
            (None, Some(_)) => checks.refuse("server.tls_certificate", required),
            (Some(_), Some(_)) if !self.is_https() => checks.refuse(
                "server.public_url",
                "the server speaks https with `server.tls_certificate`: start the URL with `https://`",
            ),
            _ => {}
        }
    }

    fn check_cookie_prefix(&self, checks: &mut Checks) {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let Some(name) = &self.cookie_prefix else {
            return;
        };
        // Browsers give these two beginnings a meaning of their own (RFC 6265bis section 4.1.3).
        let is_reserved = name.starts_with("__");
        if !(1..=32).contains(&name.len()) || !name.bytes().all(is_plain) || is_reserved {
            checks.refuse(
                "server.cookie_prefix",
                "must be 1 to 32 letters, digits, `_` or `-` and not begin with `__`: give for example `munjigi_staging`",
            );
        }
    }
}

/// What is wrong with a master key that is given as text.
fn master_key_problem(key: &str) -> Option<String> {
    let is_around = |c: char| c.is_whitespace() || c.is_control() || "\"'`".contains(c);
    let bytes = key.len();
    if key.starts_with(is_around) || key.ends_with(is_around) {
        Some(
            "begins or ends with a quotation mark, a blank or a line end, which would be part of the key: remove it. \
             Files for `docker --env-file` take no quotation marks, and files from Windows end lines with a carriage return"
                .to_owned(),
        )
    } else if bytes < MIN_MASTER_KEY_BYTES {
        Some(format!(
            "{bytes} bytes are too few: give at least {MIN_MASTER_KEY_BYTES} random bytes, for example from \
             `openssl rand -base64 48`"
        ))
    } else {
        None
    }
}

/// Whether a path can stand in cookies, redirects and pages as it is, and as the only thing that it can mean.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~/".contains(&b);
    path.bytes().all(is_plain) && !path.contains("//")
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(|_| {
        D::Error::custom(
            "not an IP address with a port: give for example `127.0.0.1:8080` (this machine only), \
             `0.0.0.0:8080` (all IPv4 networks) or `[::1]:8080`",
        )
    })
}

/// An address to listen on; `None` if the text is empty.
pub(super) fn optional_listen<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    match String::deserialize(deserializer)? {
        text if text.is_empty() => Ok(None),
        text => listen(text.into_deserializer()).map(Some),
    }
}
