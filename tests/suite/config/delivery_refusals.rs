//! Rejected settings of the delivery of one-time codes: `[otp]`, `[smtp]` and `[webhook]`.

use super::support::*;

#[test]
fn an_incomplete_or_insecure_delivery_is_rejected() {
    let smtp = |rest: &str| format!("[otp]\ndelivery = 'smtp'\n[smtp]\n{rest}");
    let hook = |rest: &str| format!("[otp]\ndelivery = 'webhook'\n[webhook]\n{rest}");
    let (from, secret) = (
        "from = 'a@example.org'",
        "secret = 'hunter2hunter2hunter2hunter2'",
    );
    refused_for(&[
        (
            "[server]\nlisten = '0.0.0.0:80'",
            "otp.delivery",
            "otp.allow_remote_console",
        ),
        (&smtp(from), "smtp.host", "`smtp.example.org`"),
        (&smtp("host = 'h'"), "smtp.from", "no-reply@example.org"),
        (
            &smtp("host = 'h'\nfrom = 'nobody'"),
            "smtp.from",
            "not a mail address",
        ),
        ("[smtp]\nusername = 'u'", "smtp.password", "both or neither"),
        (
            "[smtp]\npassword = 'hunter2'",
            "smtp.username",
            "both or neither",
        ),
        (
            "[smtp]\nhost = 'h'\nusername = 'u'\npassword = 'p'\ntls = 'none'",
            "smtp.tls",
            "`starttls`",
        ),
        (&hook(secret), "webhook.url", "the URL to call"),
        (
            &hook("url = 'https://h'"),
            "webhook.secret",
            "24 random bytes",
        ),
        (
            &hook(&format!("url = 'http://h'\n{secret}")),
            "webhook.url",
            "webhook.allow_http",
        ),
        (
            &hook(&format!("url = 'https://u:hunter2@h'\n{secret}")),
            "webhook.url",
            "must not contain",
        ),
        (
            &hook(&format!(
                "url = 'http://127.0.0.1:9/x'\nproxy = 'http://proxy:3128'\n{secret}"
            )),
            "webhook.url",
            "webhook.allow_http",
        ),
        (
            "[webhook]\nproxy = 'socks5://proxy:1080'",
            "webhook.proxy",
            "`http://proxy.example.org:3128`",
        ),
        (
            "[webhook]\nproxy = 'http://u:hunter2@proxy:3128'",
            "webhook.proxy",
            "without a user name",
        ),
        (
            "[webhook]\nsecret = 'whsec_AAAA'",
            "webhook.secret",
            "3 bytes are too few",
        ),
        (
            "[webhook]\nsecret = 'whsec_?'",
            "webhook.secret",
            "not base64",
        ),
        (
            "[webhook]\nsecret = 'hunter2'",
            "webhook.secret",
            "7 bytes are too few",
        ),
    ]);
    for fine in [
        "[server]\nlisten = '0.0.0.0:80'\n[otp]\nallow_remote_console = true",
        "[server]\nlisten = '0.0.0.0:80'\n[otp]\ndelivery = 'off'",
        "[server]\npublic_url = 'https://h/auth-service/v1.0/'",
        "[otp]\nphone_region = 'KR'",
        "[smtp]\nhello_name = '[192.0.2.1]'",
        &hook(&format!(
            "url = 'https://h'\nproxy = 'http://proxy:3128'\n{secret}"
        )),
        "[smtp]\nhost = 'localhost'\nusername = 'u'\npassword = 'p'\ntls = 'none'",
        &smtp("host = 'h'\nfrom = 'munjigi <no-reply@example.org>'"),
        &hook(&format!("url = 'http://[::1]:9/x'\n{secret}")),
        &hook(&format!("url = 'http://h'\nallow_http = true\n{secret}")),
    ] {
        load(fine, &[]).unwrap();
    }
}

#[test]
fn a_webhook_secret_of_standard_webhooks_is_decoded() {
    let webhook = |secret: &str| WebhookConfig {
        secret: Some(Secret::new(secret)),
        ..WebhookConfig::default()
    };
    assert_eq!(webhook("whsec_AAEC").key(), Some(vec![0, 1, 2]));
    assert_eq!(webhook("plain").key(), Some(b"plain".to_vec()));
    assert_eq!(webhook("whsec_!").key(), None);
}

#[test]
fn wrong_settings_of_webhooks_for_events_are_rejected() {
    refused_for(&[
        (
            "[event_webhooks]\ntimeout = '31s'",
            "event_webhooks.timeout",
            "1s to 30s",
        ),
        (
            "[event_webhooks]\nhttp_hosts = ['http://hooks.internal']",
            "event_webhooks.http_hosts",
            "without scheme and port",
        ),
        (
            "[event_webhooks]\nallowed_networks = ['10.0.0.0/33']",
            "event_webhooks.allowed_networks[0]",
            "`10.0.0.0/8`",
        ),
    ]);
    let fine = "[event_webhooks]\nhttp_hosts = ['hooks.internal', '[::1]', '10.0.0.7']\nallowed_networks = ['10.0.0.0/8']";
    let config = load(fine, &[]).unwrap();
    assert!(config.event_webhooks.allows_http("Hooks.internal"));
    assert!(!config.event_webhooks.allows_http("hooks.example.org"));
}
