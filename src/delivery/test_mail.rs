//! The test mail, which is sent at once and once: who asks for it gets the mail server's answer.

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::clock::Timestamp;
use crate::config::SmtpConfig;
use crate::delivery::mail::{Mail, build_message};
use crate::delivery::smtp::Smtp;
use crate::domain::account::Email;
use crate::domain::language::Language;

#[derive(Template)]
#[template(path = "mail/test.ko.txt")]
struct TextKo<'a>(Mail<'a, Language>);

#[derive(Template)]
#[template(path = "mail/test.en.txt")]
struct TextEn<'a>(Mail<'a, Language>);

#[derive(Template)]
#[template(path = "mail/test.ko.html")]
struct HtmlKo<'a>(Mail<'a, Language>);

#[derive(Template)]
#[template(path = "mail/test.en.html")]
struct HtmlEn<'a>(Mail<'a, Language>);

/// Sends a test mail. Returns the mail server's answer.
///
/// # Errors
/// Why it was not sent: settings that cannot be used, no connection, or the answer that refused it.
pub async fn send_test(
    settings: SmtpConfig,
    to: &Email,
    language: Language,
    now: Timestamp,
) -> Result<String, String> {
    let smtp = Smtp::new(settings).map_err(|error| error.to_string())?;
    let mail = compose(&smtp.from, to, language, now)?;
    smtp.attempt(&mail, "")
        .await
        .map_err(|failure| failure.reason)
}

fn compose(
    from: &Mailbox,
    to: &Email,
    language: Language,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let subject = match language {
        Language::Ko => "테스트 메일",
        Language::En => "Test mail",
    };
    let bodies = bodies(from, &language);
    build_message(from, to.as_typed(), subject, bodies, language, now)
}

fn bodies(from: &Mailbox, notice: &Language) -> Result<(String, String), askama::Error> {
    let mail = || Mail { from, notice };
    Ok(match notice {
        Language::Ko => (TextKo(mail()).render()?, HtmlKo(mail()).render()?),
        Language::En => (TextEn(mail()).render()?, HtmlEn(mail()).render()?),
    })
}
