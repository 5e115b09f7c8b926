//! The relying party: the id that passkeys are bound to, and the origins of the pages that may use them.

use url::{Host, Url};

use crate::config::ServerConfig;

/// The relying party of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host of `server.public_url`. Passkeys are bound to it.
    pub id: String,
    /// The origins of pages that may use its passkeys, compared as texts.
    pub origins: Vec<String>,
}

impl RelyingParty {
    /// For pages of this server alone: the panel. `None` if passkeys cannot be used: they need a `server.public_url` with a
    /// host name (no address), over https or at `localhost`.
    #[must_use]
    pub fn of_panel(server: &ServerConfig) -> Option<Self> {
        let url = server.public_url.as_ref()?;
        let Some(Host::Domain(host)) = url.host() else {
            return None;
        };
        is_secure(url, host).then(|| Self {
            id: host.to_owned(),
            origins: vec![url.origin().ascii_serialization()],
        })
    }

    /// For the API: also the origins of `server.allowed_origins` whose host is the id or below it. A browser would not let
    /// others use the id.
    #[must_use]
    pub fn of_api(server: &ServerConfig) -> Option<Self> {
        let mut party = Self::of_panel(server)?;
        for origin in &server.allowed_origins {
            let origin = origin.as_str();
            let may_use = Url::parse(origin).is_ok_and(|url| {
                url.host_str()
                    .is_some_and(|host| is_secure(&url, host) && party.covers(host))
            });
            if may_use && !party.origins.iter().any(|other| other == origin) {
                party.origins.push(origin.to_owned());
            }
        }
        Some(party)
    }

    fn covers(&self, host: &str) -> bool {
        host.strip_suffix(&self.id)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// Whether browsers offer passkeys at a URL of this host.
fn is_secure(url: &Url, host: &str) -> bool {
    url.scheme() == "https" || host == "localhost" || host.ends_with(".localhost")
}
