//! The ways in and out: who can listen to them.

use std::net::IpAddr;

use url::Url;

use super::{Check, Finding, advice, ok, problem};
use crate::config::{Config, Database, Origin, OtpDelivery, SmtpTls, Transport, is_loopback_host};

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = vec![
        https(config),
        transport(config),
        origins(config),
        cookies(config),
        proxies(config),
    ];
    findings.extend(metrics(config));
    findings.extend(database(config));
    findings.extend(mail(config));
    findings.extend(webhook(config));
    findings
}

fn is_https(config: &Config) -> bool {
    let url = config.server.public_url.as_ref();
    url.is_some_and(|url| url.scheme() == "https")
}

fn is_remote(config: &Config) -> bool {
    let is_public = |url: &Url| !url.host_str().is_some_and(is_loopback_host);
    !config.server.listen.ip().is_loopback()
        || config.server.public_url.as_ref().is_some_and(is_public)
}

fn https(config: &Config) -> Finding {
    let server = &config.server;
    if is_https(config) {
        let url = server.public_url.as_ref().map_or("", Url::as_str);
        // The server itself speaks http: something in front of it must speak https, and be the only one that reaches it.
        if server.listen.ip().is_loopback() || !server.trusted_proxies.is_empty() {
            ok(Check::Https, "https").with(url)
        } else {
            advice(Check::Https, "open_port")
                .with(url)
                .and(server.listen)
        }
    } else if is_remote(config) {
        problem(Check::Https, "http").with(server.listen)
    } else {
        advice(Check::Https, "loopback").with(server.listen)
    }
}

/// In the body the client has to find a place for it; no script can read the cookie.
fn transport(config: &Config) -> Finding {
    match config.tokens.transport {
        Transport::Cookie => ok(Check::Transport, "cookie"),
        Transport::Both => ok(Check::Transport, "both"),
        Transport::Body if config.server.allowed_origins.is_empty() => ok(Check::Transport, "body"),
        // Pages call, so browsers keep the tokens.
        Transport::Body => advice(Check::Transport, "body_of_pages"),
    }
}

fn origins(config: &Config) -> Finding {
    let origins = &config.server.allowed_origins;
    let is_open = |origin: &&Origin| {
        let url = Url::parse(origin.as_str()).ok();
        url.is_some_and(|url| {
            url.scheme() == "http" && !url.host_str().is_some_and(is_loopback_host)
        })
    };
    let open: Vec<&str> = origins.iter().filter(is_open).map(Origin::as_str).collect();
    if origins.is_empty() {
        ok(Check::Origins, "none")
    } else if open.is_empty() {
        ok(Check::Origins, "named").with(origins.len())
    } else {
        problem(Check::Origins, "http").with(open.join(", "))
    }
}

fn cookies(config: &Config) -> Finding {
    if is_https(config) {
        ok(Check::Cookies, "secure")
    } else if is_remote(config) {
        problem(Check::Cookies, "open")
    } else {
        advice(Check::Cookies, "loopback")
    }
}

fn proxies(config: &Config) -> Finding {
    let proxies = &config.server.trusted_proxies;
    let told = || {
        let names: Vec<String> = proxies.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    if proxies.is_empty() {
        return ok(Check::Proxies, "none");
    }
    // A network that holds strangers lets each of them choose the address that he is counted by.
    let is_wide = |wide: &ipnet::IpNet| match wide.addr() {
        IpAddr::V4(address) => {
            wide.prefix_len() < 8 || (wide.prefix_len() < 24 && !address.is_private())
        }
        IpAddr::V6(_) => wide.prefix_len() < 32,
    };
    if proxies.iter().any(is_wide) {
        problem(Check::Proxies, "wide").with(told())
    } else {
        ok(Check::Proxies, "named").with(told())
    }
}

fn metrics(config: &Config) -> Option<Finding> {
    let listen = config.metrics.listen?;
    Some(if listen.ip().is_loopback() {
        ok(Check::Metrics, "loopback").with(listen)
    } else {
        advice(Check::Metrics, "open").with(listen)
    })
}

/// libpq asks for TLS and goes without it where `sslmode` does not forbid that, and only `verify-full` knows whom it
/// talks to.
fn database(config: &Config) -> Option<Finding> {
    let Database::Postgres(url) = config.database() else {
        return None;
    };
    let url = Url::parse(&url).ok()?;
    let parameter = |name: &str| {
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let host = parameter("host")
        .or_else(|| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    // A socket's directory, or the default one.
    if host.is_empty()
        || host.starts_with('/')
        || host.starts_with("%2F")
        || is_loopback_host(&host)
    {
        return Some(ok(Check::DatabaseTls, "local"));
    }
    Some(match parameter("sslmode").as_deref() {
        Some("verify-full") => ok(Check::DatabaseTls, "verified").with(host),
        Some(mode @ ("require" | "verify-ca")) => advice(Check::DatabaseTls, "unverified")
            .with(host)
            .and(mode),
        _ => problem(Check::DatabaseTls, "open").with(host),
    })
}

fn mail(config: &Config) -> Option<Finding> {
    let smtp = &config.smtp;
    let host = smtp.host.as_deref()?;
    Some(match smtp.tls {
        SmtpTls::None if is_loopback_host(host) => ok(Check::MailTls, "local").with(host),
        SmtpTls::None => problem(Check::MailTls, "open").with(host),
        SmtpTls::Starttls | SmtpTls::Tls => ok(Check::MailTls, "tls").with(host),
    })
}

fn webhook(config: &Config) -> Option<Finding> {
    let url = config.webhook.url.as_ref()?;
    if config.otp.delivery != OtpDelivery::Webhook {
        return None;
    }
    let host = url.host_str().unwrap_or_default();
    Some(if url.scheme() == "https" {
        ok(Check::WebhookTls, "https").with(host)
    } else if is_loopback_host(host) {
        ok(Check::WebhookTls, "local").with(host)
    } else {
        problem(Check::WebhookTls, "http").with(host)
    })
}
