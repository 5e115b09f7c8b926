//! The mail about a changed password, e-mail address or second factor. Its headers are set in `mail`.

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
            (Language::Ko, AccountChange::Email(_) | AccountChange::EmailRemoved) => {
                "이메일 주소가 변경되었습니다"
            }
            (Language::Ko, AccountChange::SecondFactorAdded) => "2단계 인증이 설정되었습니다",
            (Language::Ko, AccountChange::SecondFactorRemoved) => "2단계 인증이 해제되었습니다",
            (Language::Ko, AccountChange::RecoveryCodeUsed(_)) => "복구 코드가 사용되었습니다",
            (Language::Ko, AccountChange::RecoveryCodesReplaced) => {
                "복구 코드가 새로 발급되었습니다"
            }
            (Language::Ko, AccountChange::PasskeyAdded(_)) => "패스키가 추가되었습니다",
            (Language::Ko, AccountChange::PasskeyRemoved(_)) => "패스키가 삭제되었습니다",
            (Language::En, AccountChange::Password) => "Your password was changed",
            (Language::En, AccountChange::Email(_) | AccountChange::EmailRemoved) => {
                "Your e-mail address was changed"
            }
            (Language::En, AccountChange::SecondFactorAdded) => "A second factor was set up",
            (Language::En, AccountChange::SecondFactorRemoved) => "Your second factor was removed",
            (Language::En, AccountChange::RecoveryCodeUsed(_)) => "A recovery code was used",
            (Language::En, AccountChange::RecoveryCodesReplaced) => "You have new recovery codes",
            (Language::En, AccountChange::PasskeyAdded(_)) => "A passkey was added",
            (Language::En, AccountChange::PasskeyRemoved(_)) => "A passkey was removed",
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
