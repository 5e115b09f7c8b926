//! `[tokens]`: lives, rotation, and what a token says.

use super::{Check, Finding, advice, ok, problem};
use crate::config::{ClaimName, Span, TokensConfig};

/// Access tokens of up to half an hour are as the list wants them; of more than an hour they are no short-lived ones.
const SHORT: Span = Span::minutes(30);
const LONG: Span = Span::hours(1);
/// The same of refresh tokens, and of sessions.
const REFRESH: Span = Span::days(30);
const SESSION: Span = Span::days(90);

pub(super) fn check(tokens: &TokensConfig) -> Vec<Finding> {
    vec![
        access(tokens),
        refresh(tokens),
        rotation(tokens),
        blacklist(tokens),
        reuse(tokens),
        claims(tokens),
        extra_claims(tokens),
    ]
}

fn access(tokens: &TokensConfig) -> Finding {
    let life = tokens.access_lifetime;
    let finding = match life {
        life if life <= SHORT => ok(Check::AccessLifetime, "short"),
        life if life <= LONG => advice(Check::AccessLifetime, "longish"),
        _ => problem(Check::AccessLifetime, "long"),
    };
    finding.with(life)
}

fn refresh(tokens: &TokensConfig) -> Finding {
    let (refresh, session) = (tokens.refresh_lifetime, tokens.session_lifetime);
    let finding = if refresh <= REFRESH && session <= SESSION {
        ok(Check::RefreshLifetime, "bounded")
    } else {
        advice(Check::RefreshLifetime, "long")
    };
    finding.with(refresh).and(session)
}

fn rotation(tokens: &TokensConfig) -> Finding {
    if tokens.rotate_refresh_tokens {
        ok(Check::Rotation, "on")
    } else {
        problem(Check::Rotation, "off")
    }
}

fn blacklist(tokens: &TokensConfig) -> Finding {
    if tokens.blacklist_after_rotation {
        ok(Check::Blacklist, "on")
    } else {
        problem(Check::Blacklist, "off")
    }
}

fn reuse(tokens: &TokensConfig) -> Finding {
    let grace = tokens.reuse_grace;
    if tokens.recover_lost_answer {
        advice(Check::Reuse, "recovers").with(grace)
    } else if tokens.reuse_grace > Span::seconds(30) {
        advice(Check::Reuse, "long").with(grace)
    } else {
        ok(Check::Reuse, "short").with(grace)
    }
}

/// An e-mail address or a name is readable for whoever holds the token: base64 hides nothing.
fn claims(tokens: &TokensConfig) -> Finding {
    let personal: Vec<&str> = tokens
        .claims
        .iter()
        .filter(|claim| **claim != ClaimName::Role)
        .map(|claim| claim.as_str())
        .collect();
    if personal.is_empty() {
        ok(Check::Claims, "none")
    } else {
        advice(Check::Claims, "personal").with(personal.join(", "))
    }
}

/// Parts of names of what must not stand in a token.
const SECRET: &[&str] = &[
    "password", "passwd", "secret", "key", "token", "pin", "ssn", "card", "rrn",
];

fn extra_claims(tokens: &TokensConfig) -> Finding {
    let looks_secret = |name: &&String| {
        let name = name.to_lowercase();
        let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
        parts.any(|part| SECRET.contains(&part))
    };
    let names: Vec<&str> = tokens
        .extra_claims
        .keys()
        .filter(looks_secret)
        .map(String::as_str)
        .collect();
    if names.is_empty() {
        ok(Check::ExtraClaims, "none")
    } else {
        problem(Check::ExtraClaims, "secret").with(names.join(", "))
    }
}
