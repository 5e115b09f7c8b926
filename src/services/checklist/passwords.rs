//! What passwords and codes must withstand, as far as it is a setting.

use super::{Check, Finding, advice, ok, problem};
use crate::config::{Config, OtpDelivery};

/// A cost that a modern machine needs a quarter of a second for.
pub(super) const GOOD_COST: u32 = 12;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    vec![
        cost(config),
        length(config),
        guessing(config),
        delivery(config),
    ]
}

fn cost(config: &Config) -> Finding {
    let cost = config.login.bcrypt_cost;
    if cost >= GOOD_COST {
        ok(Check::BcryptCost, "good").with(cost)
    } else {
        advice(Check::BcryptCost, "low").with(cost)
    }
}

fn length(config: &Config) -> Finding {
    let length = config.login.min_password_length;
    // NIST SP 800-63B-4 wants 15 where the password is all there is; ASVS 5.0 6.2.1 is content with 8.
    if length >= 15 {
        ok(Check::PasswordLength, "good").with(length)
    } else {
        advice(Check::PasswordLength, "short").with(length)
    }
}

fn guessing(config: &Config) -> Finding {
    let limits = &config.limits;
    let (account, address) = (limits.failures, limits.failures_per_address);
    let finding = if address == 0 {
        problem(Check::Guessing, "no_address")
    } else if account > 20 || address > 1_000 {
        advice(Check::Guessing, "many")
    } else {
        ok(Check::Guessing, "few")
    };
    finding.with(account).and(address)
}

fn delivery(config: &Config) -> Finding {
    match config.otp.delivery {
        OtpDelivery::Smtp => ok(Check::CodeDelivery, "mail"),
        OtpDelivery::Webhook => ok(Check::CodeDelivery, "webhook"),
        OtpDelivery::Console if config.server.listen.ip().is_loopback() => {
            advice(Check::CodeDelivery, "console")
        }
        OtpDelivery::Console => problem(Check::CodeDelivery, "remote_console"),
    }
}
