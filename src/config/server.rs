//! `[server]`: where munjigi listens and how the process runs. What the doors do with a request is theirs.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::config::{
    browsers::Origin,
    error::Checks,
    values::{InvalidValue, Span, networks, optional_url, parsed, url_problem},
};

/// Where the server listens, whom it believes, and where its files are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address and port to listen on.
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// The address that people and programs reach the server at, for links in mails and pages.
    #[serde(deserialize_with = "optional_url")]
    pub public_url: Option<Url>,
    /// The origins of other pages that may call, with credentials. The server's own need not be among them.
    pub allowed_origins: Vec<Origin>,
    /// The networks whose forwarded headers are believed. Empty: nobody's.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The one header in which they tell from where a request came.
    pub forwarded_header: ForwardedHeader,
    /// The directory of the `SQLite` database and of the signing key that munjigi makes itself.
    pub data_dir: PathBuf,
    /// Threads that serve requests; 0 means one per core.
    pub workers: usize,
    /// Connections that are held at the same time, over all workers.
    pub max_connections: usize,
    /// How long the head of a request may take, from its first byte to its last.
    pub head_timeout: Span,
    /// How long a request may take from its head to the head of its answer, and an answer without making progress.
    pub request_timeout: Span,
    /// How long running requests may take to end after the signal to stop.
    pub shutdown_timeout: Span,
}

/// In which header a proxy tells from where a request came. Only one is believed: a proxy writes one of them, and lets a
/// client's own words pass in the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which nobody standardised and everybody writes.
    #[default]
    XForwardedFor,
    /// `Forwarded`, as RFC 7239 has it.
    Forwarded,
}

impl ForwardedHeader {
    /// The header's name, which is also the setting's word.
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
            public_url: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            data_dir: PathBuf::from("munjigi-data"),
            workers: 0,
            max_connections: 10_000,
            head_timeout: Span::seconds(10),
            request_timeout: Span::seconds(30),
            shutdown_timeout: Span::seconds(30),
        }
    }
}

impl ServerConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        if let Some(url) = &self.public_url {
            if let Some(problem) = url_problem(url) {
                checks.refuse("server.public_url", problem);
            } else if url.query().is_some() || url.fragment().is_some() {
                checks.refuse(
                    "server.public_url",
                    "paths are added to this address: leave out what stands behind `?` or `#`",
                );
            }
        }
        if self.data_dir.as_os_str().is_empty() {
            checks.refuse(
                "server.data_dir",
                "no directory is named: give one, for example `munjigi-data`",
            );
        }
        checks.within("server.workers", &self.workers, 0..=256);
        checks.within(
            "server.max_connections",
            &self.max_connections,
            1..=1_000_000,
        );
        checks.within(
            "server.head_timeout",
            &self.head_timeout,
            Span::millis(100)..=Span::minutes(1),
        );
        checks.within(
            "server.request_timeout",
            &self.request_timeout,
            Span::millis(100)..=Span::minutes(10),
        );
        checks.within(
            "server.shutdown_timeout",
            &self.shutdown_timeout,
            Span::seconds(0)..=Span::minutes(10),
        );
    }
}

struct Listen(SocketAddr);

impl FromStr for Listen {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        text.parse().map(Self).map_err(|_| {
            InvalidValue(
                "not an address with a port: write numbers, as in `127.0.0.1:8080` (this machine only), \
                 `0.0.0.0:8080` (every network) or `[::1]:8080`"
                    .to_owned(),
            )
        })
    }
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parsed::<D, Listen>(deserializer).map(|listen| listen.0)
}

/// An address to listen on where there need not be one.
pub(super) fn optional_listen<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    parsed::<D, OptionalListen>(deserializer).map(|listen| listen.0)
}

struct OptionalListen(Option<SocketAddr>);

impl FromStr for OptionalListen {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|Listen(address)| Self(Some(address)))
    }
}
