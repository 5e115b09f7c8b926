//! The mail that tells the owner of an account that a session of his was in two hands: its words. Its headers are `mail`'s.

use std::{fmt, time::Duration};

use askama::Template;
use lettre::{Message, message::Mailbox};

use crate::{
    clock::Timestamp,
    delivery::{
        mail::{UNWRITABLE, letter},
        notice::masked_email,
    },
    domain::{language::Language, principal::Principal},
};

/// Where a token was shown, as far as that is known.
#[derive(Clone, Debug, Default)]
pub struct TokenUse {
    /// The address.
    pub ip_address: Option<String>,
    /// What the program calls itself.
    pub user_agent: Option<String>,
}

/// Word to the owner of an account that a refresh token of his was used twice, and its session ended.
#[derive(Clone)]
pub struct ReuseNotice {
    /// Whose token it was.
    pub owner: Principal,
    /// By which name the owner logs in.
    pub login: String,
    /// Where the mail goes.
    pub email: String,
    /// When the token came again.
    pub happened_at: Timestamp,
    /// Who had the session before, and who showed the used token.
    pub places: [TokenUse; 2],
    /// The language to write in.
    pub language: Language,
    /// The request in which it was shown.
    pub request_id: String,
}

impl ReuseNotice {
    /// How long it is worth telling, should the mail server be away.
    pub(super) const EXPIRES_IN: Duration = Duration::from_hours(24);
}

/// The address in `Debug` is masked.
impl fmt::Debug for ReuseNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuseNotice")
            .field("owner", &self.owner)
            .field("email", &masked_email(&self.email))
            .field("language", &self.language)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// What a template may say.
struct Words<'a> {
    sender: &'a str,
    login: &'a str,
    time: &'a str,
    places: &'a [String],
}

#[derive(Template)]
#[template(path = "mail/reuse.ko.txt")]
struct TextKo<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/reuse.en.txt")]
struct TextEn<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/reuse.ko.html")]
struct HtmlKo<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail/reuse.en.html")]
struct HtmlEn<'a>(Words<'a>);

/// Composes the mail. Fails with a reason for the log, which does not hold the address.
pub(super) fn compose(
    from: &Mailbox,
    notice: &ReuseNotice,
    now: Timestamp,
) -> Result<Message, &'static str> {
    let bodies = bodies(from, notice).map_err(|_| UNWRITABLE)?;
    let subject = match notice.language {
        Language::Ko => "보안을 위해 세션을 종료했습니다",
        Language::En => "We ended one of your sessions",
    };
    letter(from, &notice.email, subject, bodies, notice.language, now)
}

fn bodies(from: &Mailbox, notice: &ReuseNotice) -> Result<(String, String), askama::Error> {
    let time = notice.happened_at.to_string();
    let time = time.replace('T', " ").replace("+00:00", " UTC");
    let places: Vec<String> = notice
        .places
        .iter()
        .map(|place| in_words(place, notice.language))
        .collect();
    let words = || Words {
        sender: from.name.as_deref().unwrap_or_else(|| from.email.domain()),
        login: &notice.login,
        time: &time,
        places: &places,
    };
    Ok(match notice.language {
        Language::Ko => (TextKo(words()).render()?, HtmlKo(words()).render()?),
        Language::En => (TextEn(words()).render()?, HtmlEn(words()).render()?),
    })
}

fn in_words(place: &TokenUse, language: Language) -> String {
    let unknown = match language {
        Language::Ko => "알 수 없음",
        Language::En => "unknown",
    };
    let address = place.ip_address.as_deref().unwrap_or(unknown);
    match place.user_agent.as_deref() {
        Some(agent) => format!("{address}, {agent}"),
        None => address.to_owned(),
    }
}
