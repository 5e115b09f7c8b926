//! Network connections: whether others can read or change what is sent over them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use url::Url;

use crate::config::{Config, Origin, SmtpTls, Transport, is_loopback_host};
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::Inputs;
use crate::services::checklist::postgres;
use crate::services::checklist::text::LocalizedText;
use crate::services::ignored_proxies::IgnoredProxy;

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let config = inputs.config;
    vec![
        https(config),
        transport(config),
        allowed_origins(config),
        follows_from_https(config, Check::Cookies, "cookies.secure", "cookies.plain"),
        follows_from_https(config, Check::Hsts, "hsts.sent", "hsts.not_sent"),
        listen(config),
        trusted_proxies(config, inputs.ignored_proxy),
        postgres::finding(config),
        smtp(config),
        webhook(config),
        webhook_networks(&config.event_webhooks.allowed_networks),
        metrics(config.metrics.listen),
    ]
}

/// Whether the server is meant to be reached from other machines.
pub(super) fn is_exposed(config: &Config) -> bool {
    let public = config.server.public_url.as_ref();
    let host = public.and_then(|url| url.host_str());
    let is_elsewhere = |origin: &Origin| {
        let url = Url::parse(origin.as_str()).ok();
        url.is_some_and(|url| {
            // The host of an app's origin names the app, not a machine.
            !origin.is_of_pages() || !url.host_str().is_some_and(is_loopback_host)
        })
    };
    !config.server.listen.ip().is_loopback()
        || host.is_some_and(|host| !is_loopback_host(host))
        // A server behind a proxy, or with allowed origins, is meant for others.
        || !config.server.trusted_proxies.is_empty()
        || config.server.allowed_origins.iter().any(is_elsewhere)
}

/// The level of a server without https: advice on one machine, for development, otherwise a problem.
fn without_https(config: &Config) -> Level {
    if config.server.is_https() {
        Level::Ok
    } else if is_exposed(config) {
        Level::Problem
    } else {
        Level::Advice
    }
}

fn https(config: &Config) -> Finding {
    let level = without_https(config);
    let found = match &config.server.public_url {
        Some(url) => LocalizedText::value(url),
        None if level == Level::Ok => LocalizedText::new("https.own_certificate"),
        None => LocalizedText::new("https.not_set").with("listen", config.server.listen),
    };
    let advice = if level == Level::Advice {
        "https.advice_local"
    } else {
        "https.advice"
    };
    Finding::new(Check::Https, level, found, advice)
}

/// A page cannot store a token from a response body where no script can read it.
fn transport(config: &Config) -> Finding {
    let check = Check::Transport;
    let found = match config.tokens.transport {
        Transport::Cookie => "transport.cookie",
        Transport::Both => "transport.both",
        Transport::Body
            if !config
                .server
                .allowed_origins
                .iter()
                .any(Origin::is_of_pages) =>
        {
            "transport.body"
        }
        Transport::Body => {
            let found = "transport.body_of_pages";
            return Finding::new(check, Level::Advice, found, "transport.advice");
        }
    };
    Finding::ok(check, found)
}

fn allowed_origins(config: &Config) -> Finding {
    let (origins, check) = (&config.server.allowed_origins, Check::AllowedOrigins);
    let is_open = |origin: &&Origin| {
        let url = Url::parse(origin.as_str()).ok();
        url.is_some_and(|url| {
            url.scheme() == "http" && !url.host_str().is_some_and(is_loopback_host)
        })
    };
    let list = |origins: Vec<&Origin>| {
        let names = origins.into_iter().map(Origin::as_str);
        LocalizedText::value(names.collect::<Vec<_>>().join(", "))
    };
    let open: Vec<&Origin> = origins.iter().filter(is_open).collect();
    if !open.is_empty() {
        return Finding::new(check, Level::Problem, list(open), "allowed_origins.advice");
    }
    if origins.is_empty() {
        return Finding::ok(check, "allowed_origins.none");
    }
    Finding::ok(check, list(origins.iter().collect()))
}

fn follows_from_https(config: &Config, check: Check, with: &str, without: &str) -> Finding {
    let level = without_https(config);
    let found = if level == Level::Ok { with } else { without };
    Finding::new(check, level, found, "common.needs_https")
}

fn listen(config: &Config) -> Finding {
    let listen = config.server.listen;
    let (level, found) = if listen.ip().is_loopback() {
        (Level::Ok, "listen.local")
    } else if config.server.has_tls() {
        (Level::Ok, "listen.https")
    } else {
        (Level::Advice, "listen.open")
    };
    let found = LocalizedText::new(found).with("listen", listen);
    Finding::new(Check::Listen, level, found, "listen.advice")
}

fn trusted_proxies(config: &Config, ignored: Option<IgnoredProxy>) -> Finding {
    let (proxies, check) = (&config.server.trusted_proxies, Check::TrustedProxies);
    let list = proxies.iter().map(IpNet::to_string).collect::<Vec<_>>();
    let everybody = |net: &IpNet| net.prefix_len() == 0;
    let (level, advice) = if proxies.iter().any(everybody) {
        (Level::Problem, "trusted_proxies.advice_everybody")
    } else if proxies.iter().any(is_wider_than_private) {
        (Level::Advice, "trusted_proxies.advice_wide")
    } else if let Some(ignored) = ignored {
        let (level, peer) = match ignored {
            IgnoredProxy::Private(peer) => (Level::Problem, peer),
            IgnoredProxy::Public(peer) => (Level::Advice, peer),
        };
        let found = LocalizedText::new("trusted_proxies.ignored").with("peer", peer);
        return Finding::new(check, level, found, "trusted_proxies.advice_ignored");
    } else {
        let server = &config.server;
        let is_missing = proxies.is_empty() && server.is_https() && !server.has_tls();
        (
            Level::Advice.when(is_missing),
            "trusted_proxies.advice_none",
        )
    };
    let found = if proxies.is_empty() {
        LocalizedText::new("trusted_proxies.none")
    } else {
        LocalizedText::value(list.join(", "))
    };
    Finding::new(check, level, found, advice)
}

/// Whether a network is wider than the widest private ones (`10.0.0.0/8`, `fc00::/7`), so that it has public addresses.
fn is_wider_than_private(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 7,
    }
}

/// The address of the metadata service of most clouds, which hands out credentials.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// The private networks, and that between a provider and its customers.
const PRIVATE: [(IpAddr, u8); 5] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(100, 64, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0)), 8),
];

/// Addresses of this machine.
const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Administrators of the panel can have the server call every address in these networks.
fn webhook_networks(networks: &[IpNet]) -> Finding {
    let check = Check::WebhookNetworks;
    if networks.is_empty() {
        return Finding::ok(check, "webhook_networks.none");
    }
    let has_metadata = |network: &IpNet| network.contains(&METADATA);
    let (level, advice) = if networks.iter().any(is_wider_than_private) {
        (Level::Problem, "webhook_networks.advice_everywhere")
    } else if networks.iter().any(has_metadata) {
        (Level::Problem, "webhook_networks.advice_metadata")
    } else {
        let is_advised = networks.iter().any(is_whole_or_own);
        (
            Level::Advice.when(is_advised),
            "webhook_networks.advice_private",
        )
    };
    let list = networks.iter().map(IpNet::to_string).collect::<Vec<_>>();
    Finding::new(check, level, LocalizedText::value(list.join(", ")), advice)
}

/// Whether a network has a whole private network in it, or this machine.
fn is_whole_or_own(network: &IpNet) -> bool {
    let is_whole = |(first, length): &(IpAddr, u8)| {
        IpNet::new(*first, *length).is_ok_and(|whole| network.contains(&whole))
    };
    let is_own = |own: &IpAddr| network.contains(own);
    PRIVATE.iter().any(is_whole) || LOOPBACK.iter().any(is_own)
}

fn smtp(config: &Config) -> Finding {
    let check = Check::SmtpTls;
    let Some(host) = &config.smtp.host else {
        return Finding::ok(check, "common.not_used");
    };
    let (word, level) = match config.smtp.tls {
        SmtpTls::Starttls => ("starttls", Level::Ok),
        SmtpTls::Tls => ("tls", Level::Ok),
        SmtpTls::None => ("none", Level::Problem.when(!is_loopback_host(host))),
    };
    let found = LocalizedText::value(format!("{word}, {host}"));
    Finding::new(check, level, found, "smtp_tls.advice")
}

fn webhook(config: &Config) -> Finding {
    let check = Check::WebhookTls;
    let Some(url) = &config.webhook.url else {
        return Finding::ok(check, "common.not_used");
    };
    let host = url.host_str().unwrap_or_default();
    let is_safe = url.scheme() == "https" || is_loopback_host(host);
    // Without path and query, which may contain a secret.
    let found = LocalizedText::value(format!("{}://{host}", url.scheme()));
    Finding::new(
        check,
        Level::Problem.when(!is_safe),
        found,
        "webhook_tls.advice",
    )
}

fn metrics(listen: Option<SocketAddr>) -> Finding {
    let check = Check::MetricsListen;
    let Some(listen) = listen else {
        return Finding::ok(check, "common.not_used");
    };
    // A private address may be intended; a public or unspecified one is probably a mistake.
    let level = match listen.ip() {
        ip if ip.is_loopback() => Level::Ok,
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() => Level::Advice,
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Level::Advice,
        _ => Level::Problem,
    };
    let found = LocalizedText::value(listen);
    Finding::new(check, level, found, "metrics_listen.advice")
}
