//! `[metrics]`: where the figures that an operator watches can be fetched. Which figures is the services' to know.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::config::{error::Checks, server::optional_listen};

/// Where the figures can be fetched, if anywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// The address and port of their own; none: they cannot be fetched.
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
                "the server itself listens there: give an address of its own, for example `127.0.0.1:9464`",
            );
        }
    }
}
