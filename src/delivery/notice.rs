//! What is delivered, the words that go with it, and how little of an address is shown in the log.

use std::{fmt, time::Duration};

use askama::Template;

use crate::{
    delivery::reuse_mail::ReuseNotice,
    domain::{
        language::Language,
        otp::OtpCode,
        principal::{Principal, UserSeq},
    },
};

/// A one-time code on its way to a client.
#[derive(Clone)]
pub struct OtpNotice {
    /// The challenge the code answers.
    pub id: String,
    /// The client's number.
    pub client: UserSeq,
    /// The client's username.
    pub username: String,
    /// Where a mail goes.
    pub email: Option<String>,
    /// Where a gateway may send a text message.
    pub phone: Option<String>,
    /// The code.
    pub code: OtpCode,
    /// How long the code lives, counted from the moment it is handed over.
    pub expires_in: Duration,
    /// The language to write in.
    pub language: Language,
    /// The request that asked for the code.
    pub request_id: String,
}

impl OtpNotice {
    /// As much of the addresses as may be kept.
    pub(super) fn masked_recipient(&self) -> Option<String> {
        let email = self.email.as_deref().map(masked_email);
        let phone = self.phone.as_deref().map(masked_phone);
        let known: Vec<String> = phone.into_iter().chain(email).collect();
        (!known.is_empty()).then(|| known.join(", "))
    }

    /// The sentence for a text message: a Korean one fits into the 90 bytes (EUC-KR) of one message, an English one
    /// into 160 characters (GSM 03.38).
    pub(super) fn sentence(&self) -> Result<String, askama::Error> {
        let code = self.code.reveal();
        let lifetime = lifetime(self.language, self.expires_in);
        let lifetime = lifetime.as_str();
        match self.language {
            Language::Ko => SentenceKo { code, lifetime }.render(),
            Language::En => SentenceEn { code, lifetime }.render(),
        }
    }
}

/// The address in `Debug` is masked, and the code is not there.
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

/// A link to set a password, on its way to the owner of an account.
#[derive(Clone)]
pub struct LinkNotice {
    /// Whose password it sets.
    pub owner: Principal,
    /// By which name the owner logs in.
    pub login: String,
    /// Where the mail goes.
    pub email: String,
    /// The link; its last part is the secret.
    pub url: String,
    /// Whether there is no password yet.
    pub is_first: bool,
    /// How long the link is good, counted from the moment it is handed over.
    pub expires_in: Duration,
    /// The language to write in.
    pub language: Language,
    /// The request that asked for the link.
    pub request_id: String,
}

impl LinkNotice {
    /// The part of the link that no log may hold.
    pub(super) fn secret(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }
}

/// The address in `Debug` is masked, and the link is not there.
impl fmt::Debug for LinkNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkNotice")
            .field("owner", &self.owner)
            .field("email", &masked_email(&self.email))
            .field("expires_in", &self.expires_in)
            .field("language", &self.language)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// What the queue carries.
pub(super) enum Notice {
    Code(OtpNotice),
    Link(LinkNotice),
    Reuse(ReuseNotice),
}

impl Notice {
    pub(super) fn expires_in(&self) -> Duration {
        match self {
            Self::Code(code) => code.expires_in,
            Self::Link(link) => link.expires_in,
            Self::Reuse(_) => ReuseNotice::EXPIRES_IN,
        }
    }
}

#[derive(Template)]
#[template(path = "sms/otp.ko.txt")]
struct SentenceKo<'a> {
    code: &'a str,
    lifetime: &'a str,
}

#[derive(Template)]
#[template(path = "sms/otp.en.txt")]
struct SentenceEn<'a> {
    code: &'a str,
    lifetime: &'a str,
}

/// How long a code or a link lives, in words: `1 day`, `5 minutes`, `1 minute 30 seconds`.
pub(super) fn lifetime(language: Language, expires_in: Duration) -> String {
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

/// `ann@example.org` as `a***@example.org`; what has no `@` is hidden altogether.
pub(super) fn masked_email(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

/// `+82 10-1234-5678` as `+82********78`: the first two and the last two digits. A number of fewer than seven digits
/// is hidden altogether.
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
    fn a_notice_does_not_show_its_code_or_its_addresses() {
        let shown = format!("{:?}", notice(Language::En));
        for hidden in ["482913", "ann.lee", "1234"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("a***@example.org"), "{shown}");
        assert!(shown.contains("+82********78"), "{shown}");
    }

    #[test]
    fn masks_hide_what_identifies() {
        assert_eq!(masked_email("x@example.org"), "x***@example.org");
        assert_eq!(masked_email("한글@예시.한국"), "한***@예시.한국");
        assert_eq!(masked_email("nobody"), "***");
        assert_eq!(masked_phone("010 1234 5678"), "01*******78");
        assert_eq!(masked_phone("12345"), "***");
    }

    #[test]
    fn the_sentence_fits_into_one_text_message() {
        let korean = notice(Language::Ko).sentence().unwrap();
        assert_eq!(
            korean,
            "인증번호 [482913] 5분 안에 입력하세요. 다른 사람에게 알려 주지 마세요."
        );
        let bytes: usize = korean.chars().map(|c| 1 + usize::from(!c.is_ascii())).sum();
        assert!(bytes <= 90, "{bytes}");
        let english = notice(Language::En).sentence().unwrap();
        assert_eq!(
            english,
            "482913 is your sign-in code, valid for 5 minutes. Never share it; nobody from us will ask for it."
        );
        assert!(english.is_ascii() && english.len() <= 160);
    }

    #[test]
    fn a_lifetime_is_said_in_words() {
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
