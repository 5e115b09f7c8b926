//! `[metrics]`: the metrics endpoint.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::config::error::Checks;
use crate::config::server::optional_listen;

/// The metrics endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Address and port of the endpoint; `None` disables it.
    #[serde(deserialize_with = "optional_listen")]
    pub listen: Option<SocketAddr>,
}

impl MetricsConfig {
    pub(super) fn check(&self, server: SocketAddr, checks: &mut Checks) {
        if self
            .listen
            .is_some_and(|own| own == server && own.port() != 0)
        {
            checks.refuse(
                "metrics.listen",
                "the same as `server.listen`: give another address or port, for example `127.0.0.1:9464`",
            );
        }
    }
}
