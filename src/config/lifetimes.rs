//! `[tokens.user]`, `[tokens.client]`, `[tokens.service]`: lifetimes of the tokens of one population.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::tokens::{
    MAX_ACCESS_LIFETIME, MAX_SESSION_LIFETIME, MIN_SESSION_LIFETIME, TokensConfig,
};
use crate::config::values::Span;
use crate::domain::principal::UserType;

/// Lifetimes of the tokens of users or clients. One that is not set is that of `[tokens]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PopulationConfig {
    /// Lifetime of an access token.
    pub access_lifetime: Option<Span>,
    /// Lifetime of a refresh token.
    pub refresh_lifetime: Option<Span>,
    /// Maximum lifetime of a session.
    pub session_lifetime: Option<Span>,
}

/// Lifetimes of the tokens of services, which have neither refresh tokens nor sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceTokensConfig {
    /// Lifetime of an access token.
    pub access_lifetime: Span,
}

impl Default for ServiceTokensConfig {
    fn default() -> Self {
        Self {
            access_lifetime: Span::minutes(5),
        }
    }
}

/// The lifetimes in effect for users or clients.
#[derive(Clone, Copy, Debug)]
pub struct PopulationLifetimes {
    /// Of an access token.
    pub access: Duration,
    /// Of a refresh token.
    pub refresh: Duration,
    /// Of a session.
    pub session: Duration,
}

/// The lifetimes in effect for each population.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    user: PopulationLifetimes,
    client: PopulationLifetimes,
    /// Of an access token of a service.
    pub service_access: Duration,
}

impl Lifetimes {
    pub(super) fn new(
        tokens: &TokensConfig,
        user: &PopulationConfig,
        client: &PopulationConfig,
        service: &ServiceTokensConfig,
    ) -> Self {
        Self {
            user: user.lifetimes(tokens),
            client: client.lifetimes(tokens),
            service_access: service.access_lifetime.get(),
        }
    }

    /// Those of users or clients.
    #[must_use]
    pub fn of(&self, user_type: UserType) -> &PopulationLifetimes {
        match user_type {
            UserType::User => &self.user,
            UserType::Client => &self.client,
        }
    }

    /// The longest lifetime of any token.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let of_populations = [&self.user, &self.client].map(|of| of.access.max(of.refresh));
        let longest = of_populations.into_iter().max();
        longest.unwrap_or_default().max(self.service_access)
    }
}

/// Those of `[tokens]` for both populations.
impl From<&TokensConfig> for Lifetimes {
    fn from(tokens: &TokensConfig) -> Self {
        let of_tokens = PopulationConfig::default();
        let service = ServiceTokensConfig::default();
        Self::new(tokens, &of_tokens, &of_tokens, &service)
    }
}

impl PopulationConfig {
    fn lifetimes(&self, tokens: &TokensConfig) -> PopulationLifetimes {
        PopulationLifetimes {
            access: self.access_lifetime.unwrap_or(tokens.access_lifetime).get(),
            refresh: self
                .refresh_lifetime
                .unwrap_or(tokens.refresh_lifetime)
                .get(),
            session: self
                .session_lifetime
                .unwrap_or(tokens.session_lifetime)
                .get(),
        }
    }

    /// Checks the lifetimes in effect; a problem names the key that is set here. `section` is `tokens.user` or
    /// `tokens.client`.
    pub(super) fn check(&self, section: &str, tokens: &TokensConfig, checks: &mut Checks) {
        if *self == Self::default() {
            return;
        }
        let access_key = key(section, "access_lifetime", self.access_lifetime);
        let refresh_key = key(section, "refresh_lifetime", self.refresh_lifetime);
        let session_key = key(section, "session_lifetime", self.session_lifetime);
        let access = self.access_lifetime.unwrap_or(tokens.access_lifetime);
        let refresh = self.refresh_lifetime.unwrap_or(tokens.refresh_lifetime);
        let session = self.session_lifetime.unwrap_or(tokens.session_lifetime);
        if let Some(access) = &self.access_lifetime {
            checks.whole_seconds(&access_key, *access);
            checks.within(&access_key, access, Span::seconds(1)..=MAX_ACCESS_LIFETIME);
        }
        if let Some(refresh) = self.refresh_lifetime {
            checks.whole_seconds(&refresh_key, refresh);
        }
        if let Some(session) = &self.session_lifetime {
            checks.whole_seconds(&session_key, *session);
            let range = MIN_SESSION_LIFETIME..=MAX_SESSION_LIFETIME;
            checks.within(&session_key, session, range);
        }
        if self.refresh_lifetime.is_some() || self.access_lifetime.is_some() {
            checks.longer((&refresh_key, refresh), (&access_key, access));
        }
        if self.session_lifetime.is_some() || self.refresh_lifetime.is_some() {
            checks.not_shorter(&session_key, session, &refresh_key, refresh);
        }
    }
}

/// The key that a lifetime comes from.
fn key(section: &str, name: &str, own: Option<Span>) -> String {
    let section = if own.is_some() { section } else { "tokens" };
    format!("{section}.{name}")
}

impl ServiceTokensConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.whole_seconds("tokens.service.access_lifetime", self.access_lifetime);
        check_ranges!(checks, "tokens.service", self, {
            access_lifetime: Span::seconds(1)..=MAX_ACCESS_LIFETIME,
        });
    }
}
