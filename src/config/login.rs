//! `[login]`: second factor, password policy and password hashing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::error::{Checks, check_ranges};
use crate::config::values::{Span, is_loopback_host, optional_url, url_problem};

/// Which accounts must have a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactorDuty {
    /// None: an account can set one up.
    #[default]
    Optional,
    /// Those whose role may enter the admin panel.
    Administrators,
    /// All that log in by password.
    All,
}

/// Password policy and password hashing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginConfig {
    /// Which accounts must have a second factor.
    pub second_factor: SecondFactorDuty,
    /// The bcrypt cost (binary logarithm of the rounds). Hashes with another cost are replaced at the next login.
    pub bcrypt_cost: u32,
    /// Hashing threads for strangers; 0 means one per core. Known devices and authenticated callers have half as many more.
    pub hash_threads: usize,
    /// Maximum number of passwords in the hashing queue, a quarter of it for known devices and authenticated callers. When
    /// it is full the response is 503.
    pub hash_queue: usize,
    /// Maximum time in the hashing queue. After it the response is 503.
    pub hash_deadline: Span,
    /// Minimum number of characters in a new password.
    pub min_password_length: usize,
    /// A list of breached passwords, as their SHA-1 hashes, sorted; see [`crate::services::passwords::breached`].
    pub breached_passwords_file: Option<PathBuf>,
    /// How long the links are valid that people request themselves: to reset a password, to confirm an address.
    pub link_lifetime: Span,
    /// The page of a team's own application that resets a password; munjigi's own page if it is not set.
    #[serde(deserialize_with = "optional_url")]
    pub reset_url: Option<Url>,
    /// The same for the page that confirms a new e-mail address.
    #[serde(deserialize_with = "optional_url")]
    pub confirm_email_url: Option<Url>,
    /// Names of the site, which must not be part of a new password.
    pub site_names: Vec<String>,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self {
            second_factor: SecondFactorDuty::Optional,
            bcrypt_cost: 12,
            hash_threads: 0,
            hash_queue: 32,
            hash_deadline: Span::seconds(10),
            min_password_length: 8,
            breached_passwords_file: None,
            link_lifetime: Span::minutes(30),
            reset_url: None,
            confirm_email_url: None,
            site_names: Vec::new(),
        }
    }
}

impl LoginConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        let wrong = match self.bcrypt_cost {
            0..10 => Some("is too low to resist brute force"),
            10..=16 => None,
            17.. => Some("takes seconds of CPU time for each login"),
        };
        if let Some(wrong) = wrong {
            let cost = self.bcrypt_cost;
            checks.refuse(
                "login.bcrypt_cost",
                format!("`{cost}` {wrong}: give 10 to 16, 12 for most machines"),
            );
        }
        let has_length = |name: &String| (2..=100).contains(&name.trim().chars().count());
        if let Some(name) = self.site_names.iter().find(|name| !has_length(name)) {
            checks.refuse(
                "login.site_names",
                format!("`{name}` is not a name: give 2 to 100 characters for each"),
            );
        }
        check_ranges!(checks, "login", self, {
            hash_threads: 0..=256,
            hash_queue: 1..=10_000,
            hash_deadline: Span::millis(100)..=Span::minutes(1),
            min_password_length: 8..=64,
            link_lifetime: Span::minutes(5)..=Span::days(1),
        });
        check_page("login.reset_url", self.reset_url.as_ref(), checks);
        check_page(
            "login.confirm_email_url",
            self.confirm_email_url.as_ref(),
            checks,
        );
    }
}

/// Checks the page of a link: nobody may read its secret on the way, and it goes into the fragment.
fn check_page(key: &str, url: Option<&Url>, checks: &mut Checks) {
    let Some(url) = url else { return };
    let host = url.host_str().unwrap_or_default();
    if let Some(problem) = url_problem(url) {
        checks.refuse(key, problem);
    } else if url.scheme() == "http" && !is_loopback_host(host) {
        checks.refuse(
            key,
            "anyone on the way could read the link: start it with `https://`, or use `localhost` for development",
        );
    } else if url.fragment().is_some() {
        checks.refuse(
            key,
            "the link adds the fragment `#token=…`: remove the part after `#`",
        );
    }
}
