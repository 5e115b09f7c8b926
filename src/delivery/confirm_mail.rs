//! The mail with a link to confirm a new e-mail address. Its headers are set in `mail`.

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::clock::Timestamp;
use crate::delivery::mail::{Mail, build_message};
use crate::delivery::notice::LinkNotice;
use crate::domain::language::Language;

#[derive(Template)]
#[template(path = "mail/confirm.ko.txt")]
struct TextKo<'a>(Mail<'a, LinkNotice>);

#[derive(Template)]
#[template(path = "mail/confirm.en.txt")]
struct TextEn<'a>(Mail<'a, LinkNotice>);

#[derive(Template)]
#[template(path = "mail/confirm.ko.html")]
struct HtmlKo<'a>(Mail<'a, LinkNotice>);

#[derive(Template)]
#[template(path = "mail/confirm.en.html")]
struct HtmlEn<'a>(Mail<'a, LinkNotice>);

/// Composes the mail. The error is a reason for the log; it contains neither the address nor the link.
pub(super) fn compose(
    from: &Mailbox,
    notice: &LinkNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let bodies = bodies(from, notice);
    let subject = match notice.language {
        Language::Ko => "이메일 주소 확인 안내",
        Language::En => "Confirm your e-mail address",
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
