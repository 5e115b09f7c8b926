//! The mail that carries a link to set a password: its words. Its headers are `mail`'s.

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::{
    clock::Timestamp,
    delivery::{
        mail::{UNWRITABLE, letter},
        notice::{LinkNotice, lifetime},
    },
    domain::language::Language,
};

/// What a template may say.
struct Words<'a> {
    sender: &'a str,
    login: &'a str,
    url: &'a str,
    is_first: bool,
    lifetime: &'a str,
}

#[derive(Template)]
#[template(path = "mail/link.ko.txt")]
struct TextKo<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/link.en.txt")]
struct TextEn<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/link.ko.html")]
struct HtmlKo<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/link.en.html")]
struct HtmlEn<'a>(Words<'a>);

/// Composes the mail. Fails with a reason for the log, which holds neither the address nor the link.
pub(super) fn compose(
    from: &Mailbox,
    notice: &LinkNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let bodies = bodies(from, notice).map_err(|_| UNWRITABLE)?;
    let subject = match (notice.language, notice.is_first) {
        (Language::Ko, true) => "비밀번호를 설정해 주세요",
        (Language::Ko, false) => "비밀번호 재설정 안내",
        (Language::En, true) => "Set your password",
        (Language::En, false) => "Reset your password",
    };
    letter(from, &notice.email, subject, bodies, notice.language, now)
}

fn bodies(from: &Mailbox, notice: &LinkNotice) -> Result<(String, String), askama::Error> {
    let lifetime = lifetime(notice.language, notice.expires_in);
    let words = || Words {
        sender: from.name.as_deref().unwrap_or_else(|| from.email.domain()),
        login: &notice.login,
        url: &notice.url,
        is_first: notice.is_first,
        lifetime: &lifetime,
    };
    Ok(match notice.language {
        Language::Ko => (TextKo(words()).render()?, HtmlKo(words()).render()?),
        Language::En => (TextEn(words()).render()?, HtmlEn(words()).render()?),
    })
}
