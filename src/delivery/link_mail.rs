//! The mail with a link to set a password. Its headers are set in `mail`.

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::clock::Timestamp;
use crate::delivery::mail::{Mail, build_message};
use crate::delivery::notice::LinkNotice;
use crate::domain::language::Language;

#[derive(Template)]
#[template(path = "mail/link.ko.txt")]
struct TextKo<'a>(Mail<'a, LinkNotice>);

#[derive(Template)]
#[template(path = "mail/link.en.txt")]
struct TextEn<'a>(Mail<'a, LinkNotice>);

#[derive(Template)]
#[template(path = "mail/link.ko.html")]
struct HtmlKo<'a>(Mail<'a, LinkNotice>);

#[derive(Template)]
#[template(path = "mail/link.en.html")]
struct HtmlEn<'a>(Mail<'a, LinkNotice>);

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
    let mail = || Mail { from, notice };
    Ok(match notice.language {
        Language::Ko => (TextKo(mail()).render()?, HtmlKo(mail()).render()?),
        Language::En => (TextEn(mail()).render()?, HtmlEn(mail()).render()?),
    })
}
