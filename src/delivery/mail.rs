//! The mail with a one-time code, and the headers of all mails. Sending is in `smtp`.

use std::time::{Duration, SystemTime};

use askama::Template;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::clock::Timestamp;
use crate::delivery::notice::OtpNotice;
use crate::domain::language::Language;

/// A time as text, such as `2026-02-14 12:30:45 UTC`.
pub(super) fn utc(at: Timestamp) -> String {
    at.to_string().replace('T', " ").replace("+00:00", " UTC")
}

/// What the templates of a mail read.
pub(super) struct Mail<'a, Notice> {
    pub(super) from: &'a Mailbox,
    pub(super) notice: &'a Notice,
}

impl<Notice> Mail<'_, Notice> {
    /// The name of the sender.
    pub(super) fn sender(&self) -> &str {
        let from = self.from;
        from.name.as_deref().unwrap_or_else(|| from.email.domain())
    }
}

#[derive(Template)]
#[template(path = "mail/otp.ko.txt")]
struct TextKo<'a>(Mail<'a, OtpNotice>);

#[derive(Template)]
#[template(path = "mail/otp.en.txt")]
struct TextEn<'a>(Mail<'a, OtpNotice>);

#[derive(Template)]
#[template(path = "mail/otp.ko.html")]
struct HtmlKo<'a>(Mail<'a, OtpNotice>);

#[derive(Template)]
#[template(path = "mail/otp.en.html")]
struct HtmlEn<'a>(Mail<'a, OtpNotice>);

/// Composes the mail in the client's language. The subject does not contain the code, because subjects are displayed on
/// locked screens. The mail does not contain the challenge id, which a login also requires.
///
/// The error is a reason for the log; it contains no address.
pub(super) fn compose(
    from: &Mailbox,
    notice: &OtpNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let email = notice.email.as_deref().ok_or("no e-mail address")?;
    let bodies = bodies(from, notice);
    let subject = match notice.language {
        Language::Ko => "로그인 인증번호 안내",
        Language::En => "Your login code",
    };
    build_message(from, email, subject, bodies, notice.language, now)
}

/// Builds a `multipart/alternative` mail from a text and an HTML body. The headers mark it as automatically generated
/// (RFC 3834 section 5).
pub(super) fn build_message(
    from: &Mailbox,
    email: &str,
    subject: &str,
    bodies: askama::Result<(String, String)>,
    language: Language,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let (text, html) = bodies.map_err(|_| "the mail template could not be rendered")?;
    let to: Address = with_ascii_domain(email)
        .parse()
        .map_err(|_| "the e-mail address is invalid")?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject)
        .date(system_time(now))
        .message_id(Some(message_id(from)?))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .raw_header(header("Content-Language", language.tag()))
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|_| "the mail could not be composed")
}

/// The address with its domain in ASCII (RFC 5891): without the extension SMTPUTF8 a mail server accepts no other.
fn with_ascii_domain(email: &str) -> String {
    let ascii = email.rsplit_once('@').and_then(|(local, domain)| {
        let domain = idna::domain_to_ascii(domain).ok()?;
        Some(format!("{local}@{domain}"))
    });
    ascii.unwrap_or_else(|| email.to_owned())
}

fn bodies(from: &Mailbox, notice: &OtpNotice) -> Result<(String, String), askama::Error> {
    let mail = || Mail { from, notice };
    Ok(match notice.language {
        Language::Ko => (TextKo(mail()).render()?, HtmlKo(mail()).render()?),
        Language::En => (TextEn(mail()).render()?, HtmlEn(mail()).render()?),
    })
}

/// A random message id with the sender's domain (RFC 5322 section 3.6.4). It does not reveal the host name.
fn message_id(from: &Mailbox) -> Result<String, &'static str> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "the system random source failed")?;
    let random = u128::from_be_bytes(bytes);
    Ok(format!("<{random:032x}@{}>", from.email.domain()))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.unix_seconds()).unwrap_or(0))
}
