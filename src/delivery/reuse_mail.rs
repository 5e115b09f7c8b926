//! The mail about a session that was ended because a refresh token was reused. Its headers are set in `mail`.

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::clock::Timestamp;
use crate::delivery::mail::{Mail, build_message, utc};
use crate::delivery::notice::{ReuseNotice, TokenUse};
use crate::domain::language::Language;

#[derive(Template)]
#[template(path = "mail/reuse.ko.txt")]
struct TextKo<'a>(Mail<'a, ReuseNotice>);

#[derive(Template)]
#[template(path = "mail/reuse.en.txt")]
struct TextEn<'a>(Mail<'a, ReuseNotice>);

#[derive(Template)]
#[template(path = "mail/reuse.ko.html")]
struct HtmlKo<'a>(Mail<'a, ReuseNotice>);

#[derive(Template)]
#[template(path = "mail/reuse.en.html")]
struct HtmlEn<'a>(Mail<'a, ReuseNotice>);

/// Composes the mail. The error is a reason for the log; it does not contain the address.
pub(super) fn compose(
    from: &Mailbox,
    notice: &ReuseNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let bodies = bodies(from, notice);
    let subject = match notice.language {
        Language::Ko => "보안을 위해 세션이 종료되었습니다",
        Language::En => "A session was ended for security reasons",
    };
    build_message(from, &notice.email, subject, bodies, notice.language, now)
}

fn bodies(from: &Mailbox, notice: &ReuseNotice) -> Result<(String, String), askama::Error> {
    let mail = || Mail { from, notice };
    Ok(match notice.language {
        Language::Ko => (TextKo(mail()).render()?, HtmlKo(mail()).render()?),
        Language::En => (TextEn(mail()).render()?, HtmlEn(mail()).render()?),
    })
}

impl Mail<'_, ReuseNotice> {
    fn time(&self) -> String {
        utc(self.notice.happened_at)
    }

    /// IP address and user agent, separated by a comma.
    fn describe(&self, token_use: &TokenUse) -> String {
        let unknown = match self.notice.language {
            Language::Ko => "알 수 없음",
            Language::En => "unknown",
        };
        let address = token_use.ip_address.as_deref().unwrap_or(unknown);
        match token_use.user_agent.as_deref() {
            Some(agent) => format!("{address}, {agent}"),
            None => address.to_owned(),
        }
    }
}
