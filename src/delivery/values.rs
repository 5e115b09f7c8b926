//! The values of each mail, which its templates show.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::delivery::notice::{
    AccountChange, ChangeNotice, LinkNotice, OtpNotice, ReuseNotice, TokenUse,
};
use crate::domain::delivery::MailTemplate;
use crate::domain::language::Language;

/// A mail that is to be composed.
pub(super) struct Mail {
    pub(super) template: MailTemplate,
    /// The recipient.
    pub(super) email: String,
    pub(super) language: Language,
    pub(super) values: Value,
}

impl Mail {
    /// The mail with a one-time code. It does not contain the challenge id, which a login also requires.
    pub(super) fn of_code(notice: &OtpNotice) -> Result<Self, &'static str> {
        Ok(Self {
            template: MailTemplate::Otp,
            email: notice.email.clone().ok_or("no e-mail address")?,
            language: notice.language,
            values: json!({
                "username": notice.username, "code": notice.code.reveal(), "lifetime": notice.lifetime(),
            }),
        })
    }

    /// The mail with a link to set a password.
    pub(super) fn of_link(notice: &LinkNotice) -> Self {
        Self {
            template: MailTemplate::Link,
            email: notice.email.clone(),
            language: notice.language,
            values: json!({
                "login": notice.login, "url": notice.url, "lifetime": notice.lifetime(),
                "is_first": notice.is_first,
            }),
        }
    }

    /// The mail with a link to confirm a new e-mail address.
    pub(super) fn of_confirmation(notice: &LinkNotice) -> Self {
        Self {
            template: MailTemplate::Confirm,
            email: notice.email.clone(),
            language: notice.language,
            values: json!({
                "login": notice.login, "url": notice.url, "lifetime": notice.lifetime(),
            }),
        }
    }

    /// The mail about a changed password or e-mail address.
    pub(super) fn of_change(notice: &ChangeNotice) -> Self {
        let (change, new_email, codes_left, passkey) = match &notice.change {
            AccountChange::Password => ("password", "", 0, ""),
            AccountChange::Email(new) => ("email", new.as_str(), 0, ""),
            AccountChange::EmailRequested(new) => ("email_requested", new.as_str(), 0, ""),
            AccountChange::EmailRemoved => ("email_removed", "", 0, ""),
            AccountChange::SecondFactorAdded => ("second_factor_added", "", 0, ""),
            AccountChange::SecondFactorRemoved => ("second_factor_removed", "", 0, ""),
            AccountChange::RecoveryCodeUsed(left) => ("recovery_code_used", "", *left, ""),
            AccountChange::RecoveryCodesReplaced => ("recovery_codes_replaced", "", 0, ""),
            AccountChange::PasskeyAdded(name) => ("passkey_added", "", 0, name.as_str()),
            AccountChange::PasskeyRemoved(name) => ("passkey_removed", "", 0, name.as_str()),
        };
        let address = notice.ip_address.as_deref();
        Self {
            template: MailTemplate::Change,
            email: notice.email.clone(),
            language: notice.language,
            values: json!({
                "login": notice.login, "change": change, "new_email": new_email, "codes_left": codes_left, "passkey": passkey,
                "time": utc(notice.happened_at), "ip_address": address.unwrap_or(unknown(notice.language)),
            }),
        }
    }

    /// The mail about a session that was ended because a refresh token was reused.
    pub(super) fn of_reuse(notice: &ReuseNotice) -> Self {
        Self {
            template: MailTemplate::Reuse,
            email: notice.email.clone(),
            language: notice.language,
            values: json!({
                "login": notice.login, "time": utc(notice.happened_at),
                "first_use": describe(&notice.first_use, notice.language),
                "second_use": describe(&notice.second_use, notice.language),
            }),
        }
    }

    /// The test mail.
    pub(super) fn test(email: String, language: Language) -> Self {
        Self {
            template: MailTemplate::Test,
            email,
            language,
            values: json!({}),
        }
    }
}

/// A time as text, such as `2026-02-14 12:30:45 UTC`.
fn utc(at: Timestamp) -> String {
    at.to_string().replace('T', " ").replace("+00:00", " UTC")
}

fn unknown(language: Language) -> &'static str {
    match language {
        Language::Ko => "알 수 없음",
        Language::En => "unknown",
    }
}

/// IP address and user agent, separated by a comma.
fn describe(token_use: &TokenUse, language: Language) -> String {
    let address = token_use.ip_address.as_deref().unwrap_or(unknown(language));
    match token_use.user_agent.as_deref() {
        Some(agent) => format!("{address}, {agent}"),
        None => address.to_owned(),
    }
}
