//! Passwords and one-time codes: the cost of guessing them, and the limits of attempts. The configuration already refuses
//! values outside of the standards; these checks do not rely on it.

use crate::config::{Config, LimitsConfig, LoginConfig, OtpConfig, OtpDelivery, Span};
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::Inputs;
use crate::services::checklist::network::is_exposed;
use crate::services::checklist::text::LocalizedText;

// Each pair: the highest value (of the delay: the lowest) that is fine, and the value beyond which it is a problem.

/// Failed attempts on an account before it is locked. NIST SP 800-63B-4 section 3.2.2 allows a hundred; ten are enough for
/// a forgotten password.
const FAILURES: (u32, u32) = (10, 100);
/// The longest delay: with five minutes 288 attempts a day are possible, with one minute 1,440.
const DELAY: (Span, Span) = (Span::minutes(5), Span::minutes(1));
const OF_ADDRESS: (u32, u32) = (1_000, 100_000);
const OTP_REQUESTS: (u32, u32) = (20, 100);

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let config = inputs.config;
    let mut findings = vec![bcrypt_cost(&config.login), old_hashes(inputs)];
    findings.extend(of_settings(config));
    findings
}

/// The findings that need only the configuration.
pub(super) fn of_settings(config: &Config) -> Vec<Finding> {
    vec![
        password_length(&config.login),
        account_limit(&config.limits),
        address_limit(&config.limits),
        otp_code(&config.otp),
        otp_requests(&config.otp),
        otp_delivery(config),
    ]
}

pub(super) fn bcrypt_cost(login: &LoginConfig) -> Finding {
    let level = match login.bcrypt_cost {
        12.. => Level::Ok,
        10 | 11 => Level::Advice,
        _ => Level::Problem,
    };
    let found = LocalizedText::value(login.bcrypt_cost);
    Finding::new(
        Check::BcryptCost,
        level,
        found,
        LocalizedText::new("bcrypt_cost.advice"),
    )
}

fn old_hashes(inputs: &Inputs) -> Finding {
    let check = Check::OldHashes;
    let (users, clients) = match &inputs.rows.hashes {
        Err(unknown) => return unknown.finding(check),
        Ok(hashes) => hashes,
    };
    let level = if users.cheaper + clients.cheaper > 0 {
        Level::Advice
    } else {
        Level::Ok
    };
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
        .with("cost", inputs.config.login.bcrypt_cost);
    Finding::new(check, level, found, LocalizedText::new("old_hashes.advice"))
}

fn password_length(login: &LoginConfig) -> Finding {
    let level = if login.min_password_length < 8 {
        Level::Problem
    } else {
        Level::Ok
    };
    let found =
        LocalizedText::new("password_length.found").with("least", login.min_password_length);
    Finding::new(
        Check::PasswordLength,
        level,
        found,
        LocalizedText::new("password_length.advice"),
    )
}

fn account_limit(limits: &LimitsConfig) -> Finding {
    let tries = Level::up_to(&limits.failures, &FAILURES.0, &FAILURES.1);
    let waits = if limits.longest_delay >= DELAY.0 {
        Level::Ok
    } else if limits.longest_delay >= DELAY.1 {
        Level::Advice
    } else {
        Level::Problem
    };
    let found = LocalizedText::new("account_limit.found")
        .with("failures", limits.failures)
        .with("first", limits.first_delay)
        .with("longest", limits.longest_delay);
    let advice = LocalizedText::new("account_limit.advice");
    Finding::new(Check::AccountLimit, tries.max(waits), found, advice)
}

fn address_limit(limits: &LimitsConfig) -> Finding {
    let check = Check::AddressLimit;
    let (failures, advice) = (
        limits.failures_per_address,
        LocalizedText::new("address_limit.advice"),
    );
    if failures == 0 {
        return Finding::new(
            check,
            Level::Problem,
            LocalizedText::new("common.off"),
            advice,
        );
    }
    let level = Level::up_to(&failures, &OF_ADDRESS.0, &OF_ADDRESS.1);
    let found = LocalizedText::new("address_limit.found").with("failures", failures);
    Finding::new(check, level, found, advice)
}

fn otp_code(otp: &OtpConfig) -> Finding {
    let is_fine = otp.length >= 6 && otp.lifetime <= Span::minutes(10) && otp.max_attempts <= 5;
    let level = if is_fine { Level::Ok } else { Level::Problem };
    let found = LocalizedText::new("otp_code.found")
        .with("length", otp.length)
        .with("lifetime", otp.lifetime)
        .with("attempts", otp.max_attempts);
    Finding::new(
        Check::OtpCode,
        level,
        found,
        LocalizedText::new("otp_code.advice"),
    )
}

fn otp_requests(otp: &OtpConfig) -> Finding {
    let codes = otp.requests_per_account;
    let level = Level::up_to(&codes, &OTP_REQUESTS.0, &OTP_REQUESTS.1);
    let found = LocalizedText::new("otp_requests.found").with("codes", codes);
    Finding::new(
        Check::OtpRequests,
        level,
        found,
        LocalizedText::new("otp_requests.advice"),
    )
}

fn otp_delivery(config: &Config) -> Finding {
    let (level, word) = match config.otp.delivery {
        OtpDelivery::Smtp => (Level::Ok, "smtp"),
        OtpDelivery::Webhook => (Level::Ok, "webhook"),
        OtpDelivery::Console if is_exposed(config) => (Level::Problem, "console"),
        OtpDelivery::Console => (Level::Advice, "console"),
    };
    let advice = LocalizedText::new("otp_delivery.advice");
    Finding::new(
        Check::OtpDelivery,
        level,
        LocalizedText::value(word),
        advice,
    )
}
