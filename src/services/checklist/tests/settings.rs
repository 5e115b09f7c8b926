//! Tests of the checks of the configuration.

use crate::services::checklist::tests::*;

#[test]
fn lifetimes_of_tokens() {
    let access = |minutes| move |c: &mut Config| c.tokens.access_lifetime = Span::minutes(minutes);
    assert_setting(&[], access(1));
    assert_setting(&[(Check::AccessLifetime, Advice)], access(31));
    assert_setting(&[(Check::AccessLifetime, Advice)], access(60));
    assert_setting(&[(Check::AccessLifetime, Problem)], access(61));
    let refresh = |days| move |c: &mut Config| c.tokens.refresh_lifetime = Span::days(days);
    assert_setting(&[(Check::RefreshLifetime, Advice)], refresh(31));
    assert_setting(&[(Check::RefreshLifetime, Problem)], refresh(91));
    let session = |days| move |c: &mut Config| c.tokens.session_lifetime = Span::days(days);
    assert_setting(&[(Check::SessionLifetime, Advice)], session(91));
    assert_setting(&[(Check::SessionLifetime, Problem)], session(366));
    assert_setting(&[(Check::Leeway, Advice)], |c| {
        c.tokens.leeway = Span::minutes(2);
    });
    assert_setting(&[(Check::ReuseGrace, Advice)], |c| {
        c.tokens.reuse_grace = Span::seconds(31);
    });
}

#[test]
fn rotation_and_claims() {
    assert_setting(&[(Check::Rotation, Problem)], |c| {
        c.tokens.rotate_refresh_tokens = false;
    });
    assert_setting(&[(Check::Blacklist, Problem)], |c| {
        c.tokens.blacklist_after_rotation = false;
    });
    assert_setting(&[(Check::Audience, Advice)], |c| c.tokens.audience.clear());
    assert_setting(&[(Check::Audience, Advice)], |c| c.tokens.issuer = None);
    assert_setting(&[(Check::Audience, Advice)], |c| {
        c.tokens.issuer = None;
        c.tokens.audience.clear();
    });
    for claim in [ClaimName::Email, ClaimName::Name, ClaimName::Username] {
        assert_setting(&[(Check::PersonalData, Advice)], |c| {
            c.tokens.claims.push(claim);
        });
    }
    assert_setting(&[(Check::ExtraClaims, Problem)], |c| {
        c.tokens.extra_claims.insert("api_key".into(), "x".into());
    });
    assert_setting(&[], |c| {
        c.tokens.extra_claims.insert("tenant".into(), "x".into());
    });
}

#[test]
fn https_and_what_follows_from_it() {
    let expected = |level| {
        [
            (Check::Https, level),
            (Check::Cookies, level),
            (Check::Hsts, level),
        ]
    };
    // On this machine only: suitable for development.
    assert_setting(&expected(Advice), |c| {
        c.server.public_url = None;
        c.server.trusted_proxies.clear();
    });
    // Behind a proxy: meant for others.
    assert_setting(&expected(Problem), |c| c.server.public_url = None);
    assert_setting(&expected(Advice), |c| {
        c.server.trusted_proxies.clear();
        c.server.public_url = Some("http://localhost:8080".parse().unwrap());
    });
    assert_setting(&expected(Problem), |c| {
        c.server.public_url = Some("http://auth.example.org".parse().unwrap());
    });
    let mut open = expected(Problem).to_vec();
    open.push((Check::Listen, Advice));
    assert_setting(&open, |c| {
        c.server.public_url = None;
        c.server.listen = "0.0.0.0:8080".parse().unwrap();
    });
    assert_setting(&[(Check::Listen, Advice)], |c| {
        c.server.listen = "[::]:8080".parse().unwrap();
    });
}

#[test]
fn proxies_and_other_machines() {
    let proxies = |list: &[&str]| {
        list.iter()
            .map(|net| net.parse().unwrap())
            .collect::<Vec<_>>()
    };
    for (list, level) in [
        (&["10.0.0.7/32", "0.0.0.0/0"][..], Problem),
        (&["::/0"], Problem),
        (&["128.0.0.0/1"], Advice),
        (&["8000::/1"], Advice),
        (&[], Advice),
    ] {
        assert_setting(&[(Check::TrustedProxies, level)], |c| {
            c.server.trusted_proxies = proxies(list);
        });
    }
    assert_setting(&[], |c| {
        c.server.trusted_proxies = proxies(&["10.0.0.0/8", "fd00::/8"]);
    });
    let peer = "192.0.2.1".parse().unwrap();
    for (ignored, level) in [
        (IgnoredProxy::Private(peer), Problem),
        (IgnoredProxy::Public(peer), Advice),
    ] {
        assert_inputs(&[(Check::TrustedProxies, level)], |inputs| {
            inputs.ignored_proxy = Some(ignored);
        });
    }
    assert_setting(&[(Check::SmtpTls, Problem)], |c| c.smtp.tls = SmtpTls::None);
    assert_setting(&[], |c| {
        c.smtp.tls = SmtpTls::None;
        c.smtp.host = Some("localhost".into());
    });
    assert_setting(&[(Check::WebhookTls, Problem)], |c| {
        c.webhook.url = Some("http://hooks.example.org/codes".parse().unwrap());
    });
    for (listen, expected) in [
        ("0.0.0.0:9464", &[(Check::MetricsListen, Problem)][..]),
        ("[::]:9464", &[(Check::MetricsListen, Problem)]),
        ("192.0.2.7:9464", &[(Check::MetricsListen, Problem)]),
        ("10.0.0.7:9464", &[(Check::MetricsListen, Advice)]),
        ("[fd00::7]:9464", &[(Check::MetricsListen, Advice)]),
        ("127.0.0.1:9464", &[]),
    ] {
        assert_setting(expected, |c| {
            c.metrics.listen = Some(listen.parse().unwrap());
        });
    }
    for (network, expected) in [
        ("0.0.0.0/0", &[(Check::WebhookNetworks, Problem)][..]),
        ("::/0", &[(Check::WebhookNetworks, Problem)]),
        ("169.254.0.0/16", &[(Check::WebhookNetworks, Problem)]),
        ("10.0.0.0/8", &[(Check::WebhookNetworks, Advice)]),
        ("192.168.0.0/16", &[(Check::WebhookNetworks, Advice)]),
        ("fc00::/7", &[(Check::WebhookNetworks, Advice)]),
        ("127.0.0.0/8", &[(Check::WebhookNetworks, Advice)]),
        ("10.20.0.0/16", &[]),
        ("192.168.7.0/24", &[]),
        ("203.0.113.7/32", &[]),
    ] {
        assert_setting(expected, |c| {
            c.event_webhooks.allowed_networks = vec![network.parse().unwrap()];
        });
    }
    assert_setting(&[(Check::PostgresTls, Problem)], |c| {
        c.database.url = Some(Database::Postgres("postgres://db.example.org/n".into()));
    });
}

#[test]
fn guessing() {
    assert_setting(&[(Check::BcryptCost, Advice)], |c| c.login.bcrypt_cost = 11);
    assert_setting(&[(Check::BcryptCost, Problem)], |c| c.login.bcrypt_cost = 9);
    assert_setting(&[(Check::PasswordLength, Problem)], |c| {
        c.login.min_password_length = 7;
    });
    assert_setting(&[(Check::AccountLimit, Advice)], |c| c.limits.failures = 11);
    for (seconds, level) in [(240, Advice), (59, Problem)] {
        assert_setting(&[(Check::AccountLimit, level)], |c| {
            c.limits.longest_delay = Span::seconds(seconds);
        });
    }
    for (failures, level) in [(0, Problem), (1_001, Advice), (100_001, Problem)] {
        assert_setting(&[(Check::AddressLimit, level)], |c| {
            c.limits.failures_per_address = failures;
        });
    }
    assert_setting(&[(Check::OtpCode, Problem)], |c| c.otp.length = 5);
    assert_setting(&[(Check::OtpCode, Problem)], |c| {
        c.otp.lifetime = Span::minutes(11);
    });
    assert_setting(&[(Check::OtpCode, Problem)], |c| c.otp.max_attempts = 6);
    assert_setting(&[(Check::OtpRequests, Advice)], |c| {
        c.otp.requests_per_account = 21;
    });
    assert_setting(&[], |c| c.otp.delivery = OtpDelivery::Off);
    // With a public address, whatever it listens on.
    assert_setting(&[(Check::OtpDelivery, Problem)], |c| {
        c.otp.delivery = OtpDelivery::Console;
    });
}
