//! Tokens and sessions: their lifetimes, rotation and claims.

use std::time::Duration;

use crate::config::{ClaimName, Config, PopulationLifetimes, Span, TokensConfig};
use crate::domain::principal::UserType;
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::text::LocalizedText;

/// The highest value that is fine, the value beyond which it is a problem, and the advice.
type Limits = (Span, Span, &'static str);

/// RFC 6750 section 5.3: "one hour or less". Usual are 15 to 30 minutes.
const ACCESS: Limits = (Span::minutes(30), Span::hours(1), "access_lifetime.advice");
const REFRESH: Limits = (Span::days(30), Span::days(90), "refresh_lifetime.advice");
const SESSION: Limits = (Span::days(90), Span::days(365), "session_lifetime.advice");
/// A legitimate retry comes within seconds. A longer grace period helps an attacker; the configuration allows a minute.
const GRACE: Limits = (Span::seconds(30), Span::minutes(1), "reuse_grace.advice");
/// RFC 7519 section 4.1.4: "usually no more than a few minutes".
const LEEWAY: Limits = (Span::minutes(1), Span::minutes(5), "leeway.advice");

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let tokens = &config.tokens;
    let (rotates, blacklists) = (
        tokens.rotate_refresh_tokens,
        tokens.blacklist_after_rotation,
    );
    vec![
        span(
            Check::AccessLifetime,
            longest(config, |of| of.access),
            ACCESS,
        ),
        span(
            Check::RefreshLifetime,
            longest(config, |of| of.refresh),
            REFRESH,
        ),
        span(
            Check::SessionLifetime,
            longest(config, |of| of.session),
            SESSION,
        ),
        must_be_on(Check::Rotation, rotates, "rotation.advice"),
        must_be_on(Check::Blacklist, blacklists, "blacklist.advice"),
        span(Check::ReuseGrace, tokens.reuse_grace, GRACE),
        span(Check::Leeway, tokens.leeway, LEEWAY),
        audience(tokens),
        personal_data(tokens),
        extra_claims(tokens),
    ]
}

/// The longest of a lifetime over the populations.
fn longest(config: &Config, lifetime: fn(&PopulationLifetimes) -> Duration) -> Span {
    let lifetimes = config.lifetimes();
    let all = UserType::ALL.map(|user_type| lifetime(lifetimes.of(user_type)));
    all.into_iter().max().unwrap_or_default().into()
}

fn span(check: Check, value: Span, (fine, bad, advice): Limits) -> Finding {
    let level = Level::up_to(value, (fine, bad));
    Finding::new(check, level, LocalizedText::value(value), advice)
}

fn on_or_off(is_on: bool) -> &'static str {
    if is_on { "common.on" } else { "common.off" }
}

fn must_be_on(check: Check, is_on: bool, advice: &str) -> Finding {
    Finding::new(check, Level::Problem.when(!is_on), on_or_off(is_on), advice)
}

fn audience(tokens: &TokensConfig) -> Finding {
    let check = Check::Audience;
    let audience = tokens.audience.join(", ");
    let (found, advice) = match (&tokens.issuer, audience.as_str()) {
        (Some(_), "") => ("audience.issuer_only", "audience.advice_audience"),
        (None, "") => ("audience.neither", "audience.advice"),
        (None, _) => ("audience.audience_only", "audience.advice_issuer"),
        (Some(issuer), audience) => {
            let found = LocalizedText::new("audience.both").with("issuer", issuer);
            return Finding::ok(check, found.with("audience", audience));
        }
    };
    Finding::new(check, Level::Advice, found, advice)
}

fn personal_data(tokens: &TokensConfig) -> Finding {
    let check = Check::PersonalData;
    let personal = [ClaimName::Email, ClaimName::Name, ClaimName::Username];
    let claims = tokens
        .claims
        .iter()
        .filter(|claim| personal.contains(claim));
    let claims: Vec<&str> = claims.map(|claim| claim.as_str()).collect();
    if claims.is_empty() {
        return Finding::ok(check, "personal_data.none");
    }
    let found = LocalizedText::value(claims.join(", "));
    Finding::new(check, Level::Advice, found, "personal_data.advice")
}

fn extra_claims(tokens: &TokensConfig) -> Finding {
    let check = Check::ExtraClaims;
    let names = tokens.extra_claims.keys().map(String::as_str);
    let secret: Vec<&str> = names.filter(|name| sounds_secret(name)).collect();
    if secret.is_empty() {
        return Finding::ok(check, "extra_claims.none");
    }
    let found = LocalizedText::new("extra_claims.found").with("names", secret.join(", "));
    Finding::new(check, Level::Problem, found, "extra_claims.advice")
}

/// Whether a name suggests a secret, such as `apiKey`, `db_password` or `token`.
fn sounds_secret(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "apikey",
        "credential",
        "passphrase",
        "passwd",
        "password",
        "private",
        "secret",
    ];
    const WORDS: &[&str] = &[
        "key", "keys", "otp", "pass", "pin", "pwd", "token", "tokens",
    ];
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() || !c.is_alphanumeric() {
            words.push(' ');
        }
        words.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
    }
    let joined = words.replace(' ', "");
    PARTS.iter().any(|part| joined.contains(part))
        || words.split(' ').any(|word| WORDS.contains(&word))
        // In capitals each letter became a word.
        || WORDS.contains(&joined.as_str())
}

#[cfg(test)]
mod tests {
    use super::sounds_secret;

    #[test]
    fn names_of_secrets_are_recognised_in_any_case() {
        for name in [
            "password",
            "dbPassword",
            "API_KEY",
            "apiKey",
            "api-key",
            "secret",
            "client.secret",
            "accessToken",
            "TOKEN",
            "pin",
            "PrivateKey",
            "otp",
        ] {
            assert!(sounds_secret(name), "{name}");
        }
        for name in [
            "tenant", "tier", "region", "keyboard", "monkey", "spinner", "compass", "plan",
        ] {
            assert!(!sounds_secret(name), "{name}");
        }
    }
}
