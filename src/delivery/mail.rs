//! Composing a mail from its templates, and its headers. Sending is in `smtp`.

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::clock::Timestamp;
use crate::delivery::templates::Templates;
use crate::delivery::values::Mail;

/// Composes a mail in the recipient's language.
///
/// The error is a reason for the log; it contains no address and no value of the mail.
pub(super) fn compose(
    from: &Mailbox,
    templates: &Templates,
    mail: &Mail,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let mut values = mail.values.clone();
    values["sender"] = from
        .name
        .as_deref()
        .unwrap_or_else(|| from.email.domain())
        .into();
    let rendered = templates
        .render(mail.template, mail.language, &values)
        .map_err(|_| "the mail could not be rendered")?;
    let to: Address = with_ascii_domain(&mail.email)
        .parse()
        .map_err(|_| "the e-mail address is invalid")?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(rendered.subject)
        .date(system_time(now))
        .message_id(Some(message_id(from)?))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .raw_header(header("Content-Language", mail.language.tag()))
        .multipart(MultiPart::alternative_plain_html(
            rendered.text,
            rendered.html,
        ))
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
