//! Sample values of mails: to check the templates at the start, and for `munjigi mail preview`.

use serde_json::{Value, json};

use crate::domain::delivery::MailTemplate;
use crate::domain::language::Language;

/// Values of every case of a mail.
pub(super) fn samples(mail: MailTemplate, language: Language) -> Vec<Value> {
    let (sender, lifetime) = match language {
        Language::Ko => ("예시 상점", "1일"),
        Language::En => ("Example Market", "1 day"),
    };
    let time = "2026-02-14 12:30:45 UTC";
    match mail {
        MailTemplate::Otp => vec![
            json!({"sender": sender, "username": "acme", "code": "482913", "lifetime": lifetime}),
        ],
        MailTemplate::Link => [true, false]
            .map(|is_first| {
                json!({
                    "sender": sender, "login": "minji@example.org", "lifetime": lifetime, "is_first": is_first,
                    "url": "https://auth.example.org/sample-of-a-link",
                })
            })
            .into(),
        MailTemplate::Confirm => vec![json!({
            "sender": sender, "login": "minji@example.org", "lifetime": lifetime,
            "url": "https://auth.example.org/sample-of-a-link",
        })],
        MailTemplate::Change => [
            "password",
            "email",
            "email_removed",
            "email_requested",
            "second_factor_added",
            "second_factor_removed",
            "recovery_code_used",
            "recovery_codes_replaced",
            "passkey_added",
            "passkey_removed",
        ]
        .map(|change| {
                json!({
                    "sender": sender, "login": "minji@example.org", "time": time, "ip_address": "192.0.2.7",
                    "change": change, "new_email": "m***@example.org", "codes_left": 7, "passkey": "iPhone",
                })
            })
            .into(),
        MailTemplate::Reuse => vec![json!({
            "sender": sender, "login": "minji@example.org", "time": time,
            "first_use": "192.0.2.7, Example App 2.1", "second_use": "198.51.100.9, curl 8.5",
        })],
        MailTemplate::Test => vec![json!({"sender": sender})],
    }
}

/// Values of a mail, for its preview.
#[must_use]
pub fn sample(mail: MailTemplate, language: Language) -> Value {
    samples(mail, language)
        .into_iter()
        .next()
        .unwrap_or_default()
}

/// The value that a mail is sent for.
pub(super) fn essential(mail: MailTemplate) -> Option<&'static str> {
    match mail {
        MailTemplate::Otp => Some("code"),
        MailTemplate::Link | MailTemplate::Confirm => Some("url"),
        MailTemplate::Change | MailTemplate::Reuse | MailTemplate::Test => None,
    }
}
