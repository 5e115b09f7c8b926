//! What the pages of one person have in common in both populations: the sessions and how they are ended, the latest refresh
//! tokens, the history, and the words of a refusal.

use actix_web::{
    HttpRequest,
    web::{self, Path, ServiceConfig},
};

use crate::{
    domain::{
        password::Password,
        principal::{Principal, UserSeq, UserType},
        problem::Problem,
        session::SessionId,
    },
    http::admin::{
        pages::{links::password_url, locks::LockView, tokens::TokenView},
        web::{
            error::{AdminError, PageResult},
            events::EventView,
            form::Form,
            layout::Layout,
            notice::Notice,
            owners::page_of,
            panel::{Panel, PanelAdmin},
        },
    },
    services::{
        Error,
        accounts::password_links::{self, Issued},
        audit::events,
        auth::sessions::{self, RevocationOutcome, Session},
        limits::locks,
        tokens::refresh_tokens,
    },
};

/// How many of his latest refresh tokens a person's page shows.
const TOKENS_SHOWN: i64 = 10;
/// How many of the latest events a person's page shows.
const EVENTS_SHOWN: i64 = 50;

pub(crate) fn routes(config: &mut ServiceConfig) {
    for (folder, user_type) in [("users", UserType::User), ("clients", UserType::Client)] {
        let end_one = move |form, path| end_session(form, path, user_type);
        let end_all = move |form, seq| end_sessions(form, seq, user_type);
        config
            .service(
                web::resource(format!("/{folder}/{{seq:\\d+}}/sessions/end"))
                    .route(web::post().to(end_all)),
            )
            .service(
                web::resource(format!("/{folder}/{{seq:\\d+}}/sessions/{{id}}/end"))
                    .route(web::post().to(end_one)),
            );
    }
}

/// The number of an address.
pub(crate) fn seq_of(digits: &str) -> Result<UserSeq, AdminError> {
    UserSeq::from_digits(digits).ok_or(AdminError::NotFound)
}

/// What is known of a person besides his row.
pub(crate) struct PersonDetails {
    /// What has to wait after too many tries.
    pub locks: Vec<LockView>,
    /// His live sessions.
    pub sessions: Vec<Session>,
    /// His latest refresh tokens.
    pub tokens: Vec<TokenView>,
    /// What was done to him, the latest first.
    pub events: Vec<EventView>,
}

impl PersonDetails {
    /// Reads it.
    pub(crate) async fn of(
        panel: &Panel,
        l: &Layout,
        principal: Principal,
    ) -> Result<Self, AdminError> {
        let services = panel.services();
        let locks = locks::of_account(services, principal).await?;
        let sessions = sessions::list_live(services, principal).await?;
        let tokens = refresh_tokens::latest_of(services, principal, TOKENS_SHOWN).await?;
        let events = events::history(services, principal, EVENTS_SHOWN).await?;
        let mut events = EventView::all(l, &events);
        // All of it was done to the one whose page it is.
        for event in &mut events {
            event.subject.clear();
        }
        Ok(Self {
            locks: locks.iter().map(|lock| LockView::new(l, lock)).collect(),
            sessions,
            tokens: tokens
                .iter()
                .map(|token| TokenView::new(l, token))
                .collect(),
            events,
        })
    }
}

/// Why a change was refused that would take the panel from somebody, as a sentence; any other error is given back.
pub(crate) fn refusal(panel: &Panel, error: Error) -> Result<String, AdminError> {
    match error {
        Error::LastAdministrator => Ok(panel.t("error.last_administrator_text")),
        Error::OwnAccount => Ok(panel.t("error.own_account_text")),
        error => Err(error.into()),
    }
}

/// Reads the value of a field that is one of yes and no.
pub(crate) fn parse_flag(word: &str) -> Result<bool, Problem> {
    word.parse().map_err(|_| Problem::NotBoolean)
}

/// The password that was typed; where mail is configured the field is not there, and not heard.
pub(crate) fn typed_password(form: &mut Form<PanelAdmin>) -> Option<Password> {
    if form.panel.services().delivery.sends_mail() {
        return None;
    }
    form.optional("password", Password::parse)
}

/// To the page of whoever was made, with a link on its way where one was asked for and mail is configured.
pub(crate) async fn after_creation(
    panel: &Panel,
    request: &HttpRequest,
    owner: Principal,
    wants_link: bool,
) -> PageResult {
    let mut text = panel.t("person.created");
    if wants_link && panel.services().delivery.sends_mail() {
        let url_of = password_url(request, panel.services());
        let issued = password_links::issue(panel.services(), &panel.actor(), owner, url_of).await?;
        if let Issued::Sent(email) = issued {
            text = panel.t1("person.created_and_sent", email);
        }
    }
    panel.redirect_with(&page_of(owner), &Notice::ok(text))
}

/// Back to the page of whoever was changed.
pub(crate) fn saved(panel: &Panel, owner: Principal) -> PageResult {
    panel.redirect_with(&page_of(owner), &Notice::ok(panel.t("person.saved")))
}

/// `POST /admin/{users,clients}/{seq}/sessions/{id}/end`. **Permissions**: administrators. 303, 404 (no such session of this
/// person).
async fn end_session(
    form: Form<PanelAdmin>,
    path: Path<(String, String)>,
    user_type: UserType,
) -> PageResult {
    let panel = &form.panel;
    let (seq, id) = path.into_inner();
    let owner = Principal {
        user_type,
        user_seq: seq_of(&seq)?,
    };
    let id = SessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let notice =
        match sessions::end_by_administrator(panel.services(), &panel.actor(), id, Some(owner))
            .await?
        {
            RevocationOutcome::Revoked => Notice::ok(panel.t("person.session_ended")),
            RevocationOutcome::AlreadyRevoked => {
                Notice::warn(panel.t("person.session_ended_before"))
            }
            RevocationOutcome::NotFound => return Err(AdminError::NotFound),
        };
    panel.redirect_with(&page_of(owner), &notice)
}

/// `POST /admin/{users,clients}/{seq}/sessions/end`: all of them. **Permissions**: administrators. 303, 404.
async fn end_sessions(
    form: Form<PanelAdmin>,
    seq: Path<String>,
    user_type: UserType,
) -> PageResult {
    let panel = &form.panel;
    let owner = Principal {
        user_type,
        user_seq: seq_of(&seq)?,
    };
    let actor = panel.actor();
    let ended = sessions::end_all_by_administrator(panel.services(), &actor, owner).await?;
    let notice = Notice::ok(panel.tn("person.sessions_ended", ended));
    panel.redirect_with(&page_of(owner), &notice)
}
