//! Tokens and sessions: their lifetimes, rotation and claims.

use crate::config::{ClaimName, Span, TokensConfig};
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::text::LocalizedText;

// Each pair: the highest value that is fine, and the value beyond which it is a problem.

/// RFC 6750 section 5.3: "one hour or less". Usual are 15 to 30 minutes.
const ACCESS: (Span, Span) = (Span::minutes(30), Span::minutes(60));
const REFRESH: (Span, Span) = (Span::days(30), Span::days(90));
const SESSION: (Span, Span) = (Span::days(90), Span::days(365));
/// A legitimate retry comes within seconds. A longer grace period helps an attacker; the configuration allows a minute.
const GRACE: (Span, Span) = (Span::seconds(30), Span::minutes(1));
/// RFC 7519 section 4.1.4: "usually no more than a few minutes".
const LEEWAY: (Span, Span) = (Span::minutes(1), Span::minutes(5));

pub(super) fn findings(tokens: &TokensConfig) -> Vec<Finding> {
    let span = |check, value: Span, (fine, bad): (Span, Span), advice: &str| {
        let level = Level::up_to(&value, &fine, &bad);
        Finding::new(
            check,
            level,
            LocalizedText::value(value),
            LocalizedText::new(advice),
        )
    };
    vec![
        span(
            Check::AccessLifetime,
            tokens.access_lifetime,
            ACCESS,
            "access_lifetime.advice",
        ),
        span(
            Check::RefreshLifetime,
            tokens.refresh_lifetime,
            REFRESH,
            "refresh_lifetime.advice",
        ),
        span(
            Check::SessionLifetime,
            tokens.session_lifetime,
            SESSION,
            "session_lifetime.advice",
        ),
        switch(
            Check::Rotation,
            tokens.rotate_refresh_tokens,
            "rotation.advice",
        ),
        switch(
            Check::Blacklist,
            tokens.blacklist_after_rotation,
            "blacklist.advice",
        ),
        span(
            Check::ReuseGrace,
            tokens.reuse_grace,
            GRACE,
            "reuse_grace.advice",
        ),
        lost_answer(tokens),
        span(Check::Leeway, tokens.leeway, LEEWAY, "leeway.advice"),
        audience(tokens),
        personal_data(tokens),
        extra_claims(tokens),
    ]
}

/// A setting that must be on.
fn switch(check: Check, is_on: bool, advice: &str) -> Finding {
    let (level, found) = if is_on {
        (Level::Ok, "common.on")
    } else {
        (Level::Problem, "common.off")
    };
    Finding::new(
        check,
        level,
        LocalizedText::new(found),
        LocalizedText::new(advice),
    )
}

fn lost_answer(tokens: &TokensConfig) -> Finding {
    let (level, found) = if tokens.recover_lost_answer {
        (Level::Advice, "common.on")
    } else {
        (Level::Ok, "common.off")
    };
    let advice = LocalizedText::new("lost_answer.advice");
    Finding::new(Check::LostAnswer, level, LocalizedText::new(found), advice)
}

fn audience(tokens: &TokensConfig) -> Finding {
    let check = Check::Audience;
    let audience = tokens.audience.join(", ");
    let (key, advice) = match (&tokens.issuer, audience.as_str()) {
        (Some(issuer), audience) if !audience.is_empty() => {
            let found = LocalizedText::new("audience.both");
            return Finding::ok(
                check,
                found.with("issuer", issuer).with("audience", audience),
            );
        }
        (Some(_), _) => ("audience.issuer_only", "audience.advice_audience"),
        (None, "") => ("audience.neither", "audience.advice"),
        (None, _) => ("audience.audience_only", "audience.advice_issuer"),
    };
    Finding::new(
        check,
        Level::Advice,
        LocalizedText::new(key),
        LocalizedText::new(advice),
    )
}

fn personal_data(tokens: &TokensConfig) -> Finding {
    let personal = [ClaimName::Email, ClaimName::Name, ClaimName::Username];
    let claims: Vec<&str> = tokens
        .claims
        .iter()
        .filter(|claim| personal.contains(claim))
        .map(|claim| claim.as_str())
        .collect();
    if claims.is_empty() {
        return Finding::ok(
            Check::PersonalData,
            LocalizedText::new("personal_data.none"),
        );
    }
    let found = LocalizedText::value(claims.join(", "));
    let advice = LocalizedText::new("personal_data.advice");
    Finding::new(Check::PersonalData, Level::Advice, found, advice)
}

fn extra_claims(tokens: &TokensConfig) -> Finding {
    let check = Check::ExtraClaims;
    let names = tokens.extra_claims.keys();
    let secret: Vec<&str> = names
        .map(String::as_str)
        .filter(|name| sounds_secret(name))
        .collect();
    if secret.is_empty() {
        return Finding::ok(check, LocalizedText::new("extra_claims.none"));
    }
    let found = LocalizedText::new("extra_claims.found").with("names", secret.join(", "));
    Finding::new(
        check,
        Level::Problem,
        found,
        LocalizedText::new("extra_claims.advice"),
    )
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
