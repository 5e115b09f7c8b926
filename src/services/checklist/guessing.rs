//! Passwords and one-time codes: the cost of guessing them, and the limits of attempts. The configuration already refuses
//! values outside of the standards; these checks do not rely on it.

use std::cmp::Reverse;

use crate::config::{Config, LimitsConfig, LoginConfig, OtpConfig, OtpDelivery, Span};
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::Inputs;
use crate::services::checklist::network::is_exposed;
use crate::services::checklist::rows::Hashes;
use crate::services::checklist::text::LocalizedText;
use crate::services::checklist::unknown::Unknown;
use crate::services::passwords::hash_format::HashFormat;

// Each pair: the highest value (of the delay: the lowest) that is fine, and the value beyond which it is a problem.

/// Failed attempts on an account before it is locked. NIST SP 800-63B-4 section 3.2.2 allows a hundred; ten are enough for
/// a forgotten password.
const FAILURES: (u32, u32) = (10, 100);
/// The longest delay: with five minutes 288 attempts a day are possible, with one minute 1,440.
const DELAY: (Reverse<Span>, Reverse<Span>) =
    (Reverse(Span::minutes(5)), Reverse(Span::minutes(1)));
const OF_ADDRESS: (u32, u32) = (1_000, 100_000);
const OTP_REQUESTS: (u32, u32) = (20, 100);

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let config = inputs.config;
    vec![
        bcrypt_cost(&config.login),
        Unknown::or(Check::OldHashes, &inputs.rows.hashes, |hashes| {
            old_hashes(&config.login, hashes)
        }),
        Unknown::or(Check::ImportedHashes, &inputs.rows.hashes, imported_hashes),
        password_length(&config.login),
        account_limit(&config.limits),
        address_limit(&config.limits),
        otp_code(&config.otp),
        otp_requests(&config.otp),
        otp_delivery(config),
    ]
}

fn bcrypt_cost(login: &LoginConfig) -> Finding {
    let level = match login.bcrypt_cost {
        12.. => Level::Ok,
        10 | 11 => Level::Advice,
        _ => Level::Problem,
    };
    let found = LocalizedText::value(login.bcrypt_cost);
    Finding::new(Check::BcryptCost, level, found, "bcrypt_cost.advice")
}

fn old_hashes(login: &LoginConfig, (users, clients): &(Hashes, Hashes)) -> Finding {
    let level = Level::Advice.when(users.cheaper + clients.cheaper > 0);
    let key = if users.is_bounded || clients.is_bounded {
        "old_hashes.found_bounded"
    } else {
        "old_hashes.found"
    };
    let found = LocalizedText::new(key)
        .with("users", users.cheaper)
        .with("all_users", users.all)
        .with("clients", clients.cheaper)
        .with("all_clients", clients.all)
        .with("cost", login.bcrypt_cost);
    Finding::new(Check::OldHashes, level, found, "old_hashes.advice")
}

fn imported_hashes((users, clients): &(Hashes, Hashes)) -> Finding {
    let left = HashFormat::totals([&users.of_django, &clients.of_django]);
    let is_any = left
        .iter()
        .any(|(format, _)| *format != HashFormat::Unusable);
    let found = if left.is_empty() {
        LocalizedText::value(0)
    } else if users.is_bounded || clients.is_bounded {
        LocalizedText::new("imported_hashes.found_bounded")
            .with("formats", HashFormat::list(&left))
            .with("users", users.all)
            .with("clients", clients.all)
    } else {
        LocalizedText::value(HashFormat::list(&left))
    };
    let level = Level::Advice.when(is_any);
    Finding::new(
        Check::ImportedHashes,
        level,
        found,
        "imported_hashes.advice",
    )
}

fn password_length(login: &LoginConfig) -> Finding {
    let least = login.min_password_length;
    let level = Level::Problem.when(least < 8);
    let found = LocalizedText::new("password_length.found").with("least", least);
    let advice = "password_length.advice";
    Finding::new(Check::PasswordLength, level, found, advice)
}

fn account_limit(limits: &LimitsConfig) -> Finding {
    let tries = Level::up_to(limits.failures, FAILURES);
    let waits = Level::up_to(Reverse(limits.longest_delay), DELAY);
    let found = LocalizedText::new("account_limit.found")
        .with("failures", limits.failures)
        .with("first", limits.first_delay)
        .with("longest", limits.longest_delay);
    let (level, advice) = (tries.max(waits), "account_limit.advice");
    Finding::new(Check::AccountLimit, level, found, advice)
}

fn address_limit(limits: &LimitsConfig) -> Finding {
    let (check, failures) = (Check::AddressLimit, limits.failures_per_address);
    let advice = "address_limit.advice";
    if failures == 0 {
        return Finding::new(check, Level::Problem, "common.off", advice);
    }
    let found = LocalizedText::new("address_limit.found").with("failures", failures);
    Finding::new(check, Level::up_to(failures, OF_ADDRESS), found, advice)
}

fn otp_code(otp: &OtpConfig) -> Finding {
    let is_fine = otp.length >= 6 && otp.lifetime <= Span::minutes(10) && otp.max_attempts <= 5;
    let level = Level::Problem.when(!is_fine);
    let found = LocalizedText::new("otp_code.found")
        .with("length", otp.length)
        .with("lifetime", otp.lifetime)
        .with("attempts", otp.max_attempts);
    Finding::new(Check::OtpCode, level, found, "otp_code.advice")
}

fn otp_requests(otp: &OtpConfig) -> Finding {
    let codes = otp.requests_per_account;
    let level = Level::up_to(codes, OTP_REQUESTS);
    let found = LocalizedText::new("otp_requests.found").with("codes", codes);
    Finding::new(Check::OtpRequests, level, found, "otp_requests.advice")
}

fn otp_delivery(config: &Config) -> Finding {
    let (level, word) = match config.otp.delivery {
        OtpDelivery::Smtp => (Level::Ok, "smtp"),
        OtpDelivery::Webhook => (Level::Ok, "webhook"),
        OtpDelivery::Off => (Level::Ok, "off"),
        OtpDelivery::Console if is_exposed(config) => (Level::Problem, "console"),
        OtpDelivery::Console => (Level::Advice, "console"),
    };
    let found = LocalizedText::value(word);
    Finding::new(Check::OtpDelivery, level, found, "otp_delivery.advice")
}
