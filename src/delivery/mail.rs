//! The mail that carries a code: its words, its two forms and its headers. How it is sent is in `smtp`.

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

use crate::{
    clock::Timestamp,
    delivery::notice::{OtpNotice, lifetime},
    domain::language::Language,
};

/// What a template may say.
struct Words<'a> {
    sender: &'a str,
    username: &'a str,
    code: &'a str,
    lifetime: &'a str,
}

#[derive(Template)]
#[template(path = "mail/otp.ko.txt")]
struct TextKo<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/otp.en.txt")]
struct TextEn<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/otp.ko.html")]
struct HtmlKo<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/otp.en.html")]
struct HtmlEn<'a>(Words<'a>);

/// Composes the mail: `multipart/alternative` with a text and an HTML form in the client's language, marked as written
/// by a machine (RFC 3834 section 5). The code stands in the body only: subjects show on locked screens. The challenge's
/// id is nowhere in it, so the mail alone does not let anybody in.
///
/// Fails with a reason for the log, which holds no address.
pub(super) fn compose(
    from: &Mailbox,
    notice: &OtpNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let email = notice.email.as_deref().ok_or("no e-mail address")?;
    let bodies = bodies(from, notice).map_err(|_| UNWRITABLE)?;
    let subject = match notice.language {
        Language::Ko => "로그인 인증번호 안내",
        Language::En => "Your sign-in code",
    };
    letter(from, email, subject, bodies, notice.language, now)
}

/// What is said of a mail whose template gave no text.
pub(super) const UNWRITABLE: &str = "the mail could not be written";

/// A mail of two forms, text and HTML, with the headers that every mail of ours has.
pub(super) fn letter(
    from: &Mailbox,
    email: &str,
    subject: &str,
    (text, html): (String, String),
    language: Language,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let to: Address = email
        .parse()
        .map_err(|_| "the e-mail address cannot be written to")?;
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

fn bodies(from: &Mailbox, notice: &OtpNotice) -> Result<(String, String), askama::Error> {
    let lifetime = lifetime(notice.language, notice.expires_in);
    let words = || Words {
        sender: from.name.as_deref().unwrap_or_else(|| from.email.domain()),
        username: &notice.username,
        code: notice.code.reveal(),
        lifetime: &lifetime,
    };
    Ok(match notice.language {
        Language::Ko => (TextKo(words()).render()?, HtmlKo(words()).render()?),
        Language::En => (TextEn(words()).render()?, HtmlEn(words()).render()?),
    })
}

/// A random id under the sender's domain (RFC 5322 section 3.6.4), which names neither this machine nor the challenge.
fn message_id(from: &Mailbox) -> Result<String, &'static str> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "the system gave no random bytes")?;
    let random = u128::from_be_bytes(bytes);
    Ok(format!("<{random:032x}@{}>", from.email.domain()))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.unix_seconds()).unwrap_or(0))
}
