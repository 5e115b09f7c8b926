//! `[traces]`: where the spans of requests are sent.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::error::{Checks, check_ranges};
use crate::config::values::{Secret, is_loopback_host, optional_url, url_problem};

/// Traces by OpenTelemetry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracesConfig {
    /// The URL of the collector for traces by OTLP over HTTP; `None` turns traces off.
    #[serde(deserialize_with = "optional_url")]
    pub endpoint: Option<Url>,
    /// The share of the requests that are traced, from 0 to 1.
    pub sample_ratio: f64,
    /// Headers of each request to the collector, see [`TracesConfig::header_list`].
    pub headers: Option<Secret>,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample_ratio: 1.0,
            headers: None,
        }
    }
}

impl TracesConfig {
    /// The names and values of the headers, which are written as `name=value`, separated by commas. `None` if a part has no
    /// `=`, or a name or value that no header can have.
    #[must_use]
    pub fn header_list(&self) -> Option<Vec<(String, String)>> {
        let Some(headers) = &self.headers else {
            return Some(Vec::new());
        };
        let header = |part: &str| {
            let (name, value) = part.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let is_in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let is_in_value = |byte: u8| (b' '..=b'~').contains(&byte);
            let is_valid = !name.is_empty()
                && name.bytes().all(is_in_name)
                && !value.is_empty()
                && value.bytes().all(is_in_value);
            is_valid.then(|| (name.to_owned(), value.to_owned()))
        };
        headers.reveal().split(',').map(header).collect()
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        check_ranges!(checks, "traces", self, {
            sample_ratio: 0.0..=1.0,
        });
        if self.header_list().is_none() {
            checks.refuse(
                "traces.headers",
                "give `name=value`, several separated by commas, for example `Authorization=Bearer 0123456789`",
            );
        }
        let Some(endpoint) = &self.endpoint else {
            return;
        };
        let is_local = endpoint.host_str().is_some_and(is_loopback_host);
        if let Some(problem) = url_problem(endpoint) {
            checks.refuse("traces.endpoint", problem);
        } else if endpoint.path() == "/" {
            checks.refuse(
                "traces.endpoint",
                "has no path: give the URL for traces, for example `http://127.0.0.1:4318/v1/traces`",
            );
        } else if endpoint.scheme() == "http" && self.headers.is_some() && !is_local {
            checks.refuse(
                "traces.endpoint",
                "with `http` the headers of `traces.headers` would be sent unencrypted: give an `https` URL",
            );
        }
    }
}
