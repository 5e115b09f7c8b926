//! The notices that are delivered, the text of an SMS, and the masking of addresses in the log.

use std::{fmt, time::Duration};

use askama::Template;

use crate::clock::Timestamp;
use crate::domain::language::Language;
use crate::domain::otp::OtpCode;
use crate::domain::principal::{Principal, UserSeq};

/// A one-time code for a client.
#[derive(Clone)]
pub struct OtpNotice {
    /// The id of the challenge.
    pub id: String,
    /// The client.
    pub client: UserSeq,
    /// The username of the client.
    pub username: String,
    /// The recipient of a mail.
    pub email: Option<String>,
    /// The telephone number, for a webhook that sends text messages.
    pub phone: Option<String>,
    /// The code.
    pub code: OtpCode,
    /// How long the code is valid, from the call of `Delivery::send`.
    pub expires_in: Duration,
    /// The language of the message.
    pub language: Language,
    /// The id of the request for the code.
    pub request_id: String,
}

impl OtpNotice {
    /// The masked addresses, for the log and the audit log.
    pub(super) fn masked_recipient(&self) -> Option<String> {
        let email = self.email.as_deref().map(masked_email);
        let phone = self.phone.as_deref().map(masked_phone);
        let known: Vec<String> = phone.into_iter().chain(email).collect();
        (!known.is_empty()).then(|| known.join(", "))
    }

    /// How long the code is valid, as text.
    pub(super) fn lifetime(&self) -> String {
        lifetime(self.language, self.expires_in)
    }

    /// The text of an SMS. It fits into one message: 90 bytes (EUC-KR) in Korean, 160 characters (GSM 03.38) in English.
    pub(super) fn sms_text(&self) -> Result<String, askama::Error> {
        let code = self.code.reveal();
        let lifetime = &self.lifetime();
        match self.language {
            Language::Ko => SmsKo { code, lifetime }.render(),
            Language::En => SmsEn { code, lifetime }.render(),
        }
    }
}

/// Masks the addresses and omits the code.
impl fmt::Debug for OtpNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpNotice")
            .field("id", &self.id)
            .field("username", &self.username)
            .field("email", &self.email.as_deref().map(masked_email))
            .field("phone", &self.phone.as_deref().map(masked_phone))
            .field("expires_in", &self.expires_in)
            .field("language", &self.language)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// A link to set a password.
#[derive(Clone)]
pub struct LinkNotice {
    /// The id of the delivery: the hash of the link.
    pub id: String,
    /// The account.
    pub owner: Principal,
    /// The login name of the account.
    pub login: String,
    /// The recipient of the mail.
    pub email: String,
    /// The link. Its last path segment, or the value in its fragment, is secret.
    pub url: String,
    /// Whether the account has no password yet.
    pub is_first: bool,
    /// How long the link is valid, from the call of `Delivery::send_link`.
    pub expires_in: Duration,
    /// The language of the message.
    pub language: Language,
    /// The id of the request for the link.
    pub request_id: String,
}

impl LinkNotice {
    /// How long the link is valid, as text.
    pub(super) fn lifetime(&self) -> String {
        lifetime(self.language, self.expires_in)
    }

    /// The secret part of the link, which must not be logged.
    pub(super) fn secret(&self) -> &str {
        self.url.rsplit(['/', '=']).next().unwrap_or(&self.url)
    }
}

/// Where a token was used, as far as known.
#[derive(Clone, Debug, Default)]
pub struct TokenUse {
    /// The IP address.
    pub ip_address: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

/// A message to the owner of an account: a refresh token was reused, and its session was ended.
#[derive(Clone)]
pub struct ReuseNotice {
    /// An id of its own.
    pub id: String,
    /// The account.
    pub owner: Principal,
    /// The login name of the account.
    pub login: String,
    /// The recipient of the mail.
    pub email: String,
    /// When the token was reused.
    pub happened_at: Timestamp,
    /// The last use of the session before the reuse.
    pub first_use: TokenUse,
    /// The reuse.
    pub second_use: TokenUse,
    /// The language of the message.
    pub language: Language,
    /// The id of the request that reused the token.
    pub request_id: String,
}

impl ReuseNotice {
    /// How long sending is attempted if the mail server is unavailable.
    pub(super) const EXPIRES_IN: Duration = Duration::from_hours(24);
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// The password.
    Password,
    /// The e-mail address, to this one, which is masked.
    Email(String),
    /// The e-mail address was removed.
    EmailRemoved,
    /// A second factor was set up.
    SecondFactorAdded,
    /// The second factors were removed, or one of them.
    SecondFactorRemoved,
    /// A recovery code was used; so many are left.
    RecoveryCodeUsed(i64),
    /// New recovery codes replaced the former ones.
    RecoveryCodesReplaced,
    /// A passkey of this name was added.
    PasskeyAdded(String),
    /// A passkey of this name was removed.
    PasskeyRemoved(String),
    /// A change of the e-mail address to this one, which is masked, was requested.
    EmailRequested(String),
}

impl AccountChange {
    /// The change of the e-mail address to this one, if it was not removed.
    #[must_use]
    pub fn of_email(new: Option<&str>) -> Self {
        new.map_or(Self::EmailRemoved, |new| Self::Email(masked_email(new)))
    }

    /// The request to change the e-mail address to this one.
    #[must_use]
    pub fn email_requested(new: &str) -> Self {
        Self::EmailRequested(masked_email(new))
    }
}

/// A message to the owner of an account: the password, the e-mail address or a second factor was changed.
#[derive(Clone)]
pub struct ChangeNotice {
    /// An id of its own.
    pub id: String,
    /// The account.
    pub owner: Principal,
    /// The login name of the account.
    pub login: String,
    /// The recipient of the mail.
    pub email: String,
    /// What was changed.
    pub change: AccountChange,
    /// When it was changed.
    pub happened_at: Timestamp,
    /// The IP address of the request.
    pub ip_address: Option<String>,
    /// The language of the message.
    pub language: Language,
    /// The id of the request.
    pub request_id: String,
}

impl ChangeNotice {
    /// How long sending is attempted if the mail server is unavailable.
    pub(super) const EXPIRES_IN: Duration = Duration::from_hours(24);
}

/// An entry of the delivery queue.
pub(super) enum Notice {
    Change(ChangeNotice),
    Code(OtpNotice),
    Confirmation(LinkNotice),
    Link(LinkNotice),
    Reuse(ReuseNotice),
}

impl Notice {
    pub(super) fn expires_in(&self) -> Duration {
        match self {
            Self::Code(code) => code.expires_in,
            Self::Link(link) | Self::Confirmation(link) => link.expires_in,
            Self::Reuse(_) => ReuseNotice::EXPIRES_IN,
            Self::Change(_) => ChangeNotice::EXPIRES_IN,
        }
    }
}

#[derive(Template)]
#[template(path = "sms/otp.ko.txt")]
struct SmsKo<'a> {
    code: &'a str,
    lifetime: &'a str,
}

#[derive(Template)]
#[template(path = "sms/otp.en.txt")]
struct SmsEn<'a> {
    code: &'a str,
    lifetime: &'a str,
}

/// A duration as text: `1 day`, `5 minutes`, `1 minute 30 seconds`.
fn lifetime(language: Language, expires_in: Duration) -> String {
    let seconds = expires_in.as_secs();
    let mut words = Vec::new();
    for (count, korean, english) in [
        (seconds / 86_400, "일", "day"),
        (seconds / 3_600 % 24, "시간", "hour"),
        (seconds / 60 % 60, "분", "minute"),
        (seconds % 60, "초", "second"),
    ] {
        if count > 0 {
            words.push(match (language, count) {
                (Language::Ko, _) => format!("{count}{korean}"),
                (Language::En, 1) => format!("1 {english}"),
                (Language::En, _) => format!("{count} {english}s"),
            });
        }
    }
    words.join(" ")
}

/// Masks `ann@example.org` as `a***@example.org`; a text without `@` as `***`.
#[must_use]
pub fn masked_email(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

/// Masks all digits but the first two and the last two: `+82 10-1234-5678` as `+82********78`. A number of fewer than
/// seven digits becomes `***`.
pub(super) fn masked_phone(phone: &str) -> String {
    let plus = if phone.trim_start().starts_with('+') {
        "+"
    } else {
        ""
    };
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 7 {
        return "***".to_owned();
    }
    let start: String = digits.iter().take(2).collect();
    let end: String = digits.iter().skip(digits.len() - 2).collect();
    format!("{plus}{start}{}{end}", "*".repeat(digits.len() - 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(language: Language) -> OtpNotice {
        OtpNotice {
            id: "c1".to_owned(),
            client: UserSeq::new(7).unwrap(),
            username: "acme".to_owned(),
            email: Some("ann.lee@example.org".to_owned()),
            phone: Some("+82 10-1234-5678".to_owned()),
            code: OtpCode::parse("482913").unwrap(),
            expires_in: Duration::from_mins(5),
            language,
            request_id: "r1".to_owned(),
        }
    }

    #[test]
    fn debug_output_omits_the_code_and_masks_addresses() {
        let shown = format!("{:?}", notice(Language::En));
        for hidden in ["482913", "ann.lee", "1234"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("a***@example.org"), "{shown}");
        assert!(shown.contains("+82********78"), "{shown}");
    }

    #[test]
    fn addresses_are_masked() {
        assert_eq!(masked_email("x@example.org"), "x***@example.org");
        assert_eq!(masked_email("한글@예시.한국"), "한***@예시.한국");
        assert_eq!(masked_email("nobody"), "***");
        assert_eq!(masked_phone("010 1234 5678"), "01*******78");
        assert_eq!(masked_phone("12345"), "***");
    }

    #[test]
    fn an_sms_fits_into_one_message() {
        let korean = notice(Language::Ko).sms_text().unwrap();
        assert_eq!(
            korean,
            "인증번호는 [482913]입니다. 5분 안에 입력하세요. 타인에게 알려주지 마세요."
        );
        let bytes: usize = korean.chars().map(|c| 1 + usize::from(!c.is_ascii())).sum();
        assert!(bytes <= 90, "{bytes}");
        let english = notice(Language::En).sms_text().unwrap();
        assert_eq!(
            english,
            "482913 is your login code. It expires in 5 minutes. Do not share it with anyone."
        );
        assert!(english.is_ascii() && english.len() <= 160);
    }

    #[test]
    fn a_lifetime_is_written_as_text() {
        for (seconds, korean, english) in [
            (300, "5분", "5 minutes"),
            (60, "1분", "1 minute"),
            (90, "1분 30초", "1 minute 30 seconds"),
            (45, "45초", "45 seconds"),
            (86_400, "1일", "1 day"),
            (7_200, "2시간", "2 hours"),
            (93_600, "1일 2시간", "1 day 2 hours"),
        ] {
            let time = Duration::from_secs(seconds);
            assert_eq!(lifetime(Language::Ko, time), korean);
            assert_eq!(lifetime(Language::En, time), english);
        }
    }
}
