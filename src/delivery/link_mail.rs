//! The mail with a link to set a password. Its headers are set in `mail`.

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::clock::Timestamp;
use crate::delivery::mail::build_message;
use crate::delivery::notice::{LinkNotice, lifetime};
use crate::domain::language::Language;

struct LinkMail<'a> {
    sender: &'a str,
    login: &'a str,
    url: &'a str,
    is_first: bool,
    lifetime: &'a str,
}

#[derive(Template)]
#[template(path = "mail/link.ko.txt")]
struct TextKo<'a>(LinkMail<'a>);

#[derive(Template)]
#[template(path = "mail/link.en.txt")]
struct TextEn<'a>(LinkMail<'a>);

#[derive(Template)]
#[template(path = "mail/link.ko.html")]
struct HtmlKo<'a>(LinkMail<'a>);

#[derive(Template)]
#[template(path = "mail/link.en.html")]
struct HtmlEn<'a>(LinkMail<'a>);

/// Composes the mail. The error is a reason for the log; it contains neither the address nor the link.
pub(super) fn compose(
    from: &Mailbox,
    notice: &LinkNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let bodies = bodies(from, notice);
    let subject = match (notice.language, notice.is_first) {
        (Language::Ko, true) => "비밀번호 설정 안내",
        (Language::Ko, false) => "비밀번호 재설정 안내",
        (Language::En, true) => "Set your password",
        (Language::En, false) => "Reset your password",
    };
    build_message(from, &notice.email, subject, bodies, notice.language, now)
}

fn bodies(from: &Mailbox, notice: &LinkNotice) -> Result<(String, String), askama::Error> {
    let lifetime = lifetime(notice.language, notice.expires_in);
    let mail = || LinkMail {
        sender: from.name.as_deref().unwrap_or_else(|| from.email.domain()),
        login: &notice.login,
        url: &notice.url,
        is_first: notice.is_first,
        lifetime: &lifetime,
    };
    Ok(match notice.language {
        Language::Ko => (TextKo(mail()).render()?, HtmlKo(mail()).render()?),
        Language::En => (TextEn(mail()).render()?, HtmlEn(mail()).render()?),
    })
}
