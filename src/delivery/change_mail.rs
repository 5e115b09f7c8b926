//! The mail about a changed password or e-mail address. Its headers are set in `mail`.

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::clock::Timestamp;
use crate::delivery::mail::{Mail, build_message, utc};
use crate::delivery::notice::{AccountChange, ChangeNotice};
use crate::domain::language::Language;

#[derive(Template)]
#[template(path = "mail/change.ko.txt")]
struct TextKo<'a>(Mail<'a, ChangeNotice>);

#[derive(Template)]
#[template(path = "mail/change.en.txt")]
struct TextEn<'a>(Mail<'a, ChangeNotice>);

#[derive(Template)]
#[template(path = "mail/change.ko.html")]
struct HtmlKo<'a>(Mail<'a, ChangeNotice>);

#[derive(Template)]
#[template(path = "mail/change.en.html")]
struct HtmlEn<'a>(Mail<'a, ChangeNotice>);

/// Composes the mail. The error is a reason for the log; it does not contain the address.
pub(super) fn compose(
    from: &Mailbox,
    notice: &ChangeNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let bodies = bodies(from, notice);
    let subject = Mail { from, notice }.subject();
    build_message(from, &notice.email, subject, bodies, notice.language, now)
}

fn bodies(from: &Mailbox, notice: &ChangeNotice) -> Result<(String, String), askama::Error> {
    let mail = || Mail { from, notice };
    Ok(match notice.language {
        Language::Ko => (TextKo(mail()).render()?, HtmlKo(mail()).render()?),
        Language::En => (TextEn(mail()).render()?, HtmlEn(mail()).render()?),
    })
}

impl Mail<'_, ChangeNotice> {
    fn subject(&self) -> &'static str {
        match (self.notice.language, &self.notice.change) {
            (Language::Ko, AccountChange::Password) => "비밀번호가 변경되었습니다",
            (Language::Ko, AccountChange::EmailRequested(_)) => "이메일 주소 변경 요청 안내",
            (Language::Ko, _) => "이메일 주소가 변경되었습니다",
            (Language::En, AccountChange::Password) => "Your password was changed",
            (Language::En, AccountChange::EmailRequested(_)) => {
                "A change of your e-mail address was requested"
            }
            (Language::En, _) => "Your e-mail address was changed",
        }
    }

    fn time(&self) -> String {
        utc(self.notice.happened_at)
    }

    fn address(&self) -> &str {
        let unknown = match self.notice.language {
            Language::Ko => "알 수 없음",
            Language::En => "unknown",
        };
        self.notice.ip_address.as_deref().unwrap_or(unknown)
    }
}
