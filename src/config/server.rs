//! `[server]`: where munjigi listens and how the process runs. What the doors do with a request is theirs.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::{
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
    /// The networks whose forwarded headers are believed. Empty: nobody's.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The directory of the `SQLite` database and of the signing key that munjigi makes itself.
    pub data_dir: PathBuf,
    /// Threads that serve requests; 0 means one per core.
    pub workers: usize,
    /// How long running requests may take to end after the signal to stop.
    pub shutdown_timeout: Span,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            data_dir: PathBuf::from("munjigi-data"),
            workers: 0,
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
