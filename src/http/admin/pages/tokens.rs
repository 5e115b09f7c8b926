//! Refresh tokens: the list, one token with its session and the line of its rotations, and what an administrator may do to
//! either, each behind a page that first says what it does.

use actix_web::web::{self, Path, ServiceConfig};
use askama::Template;

use crate::{
    clock::Timestamp,
    domain::{
        principal::UserType,
        session::{Jti, TokenState},
    },
    http::admin::web::{
        claims::{Claim, fields},
        error::{AdminError, PageResult},
        filters::{Chip, Chips, Choice, choices, problems},
        form::Form,
        layout::Layout,
        lists::{ListQuery, Pager, pager},
        notice::Notice,
        owners::{OwnerView, short_id},
        panel::{Panel, PanelAdmin},
    },
    services::{
        auth::sessions::{self, RevocationOutcome, Session},
        tokens::{
            owner::TokenList,
            refresh_tokens::{self, Token, TokenInSession, TokenQuery},
        },
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/tokens")
                .route(web::get().to(list))
                .route(web::head().to(list)),
        )
        .service(
            web::resource("/tokens/{jti}")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        )
        .service(
            web::resource("/tokens/{jti}/blacklist")
                .route(web::get().to(ask_to_blacklist))
                .route(web::post().to(blacklist)),
        )
        .service(
            web::resource("/tokens/{jti}/end-session")
                .route(web::get().to(ask_to_end))
                .route(web::post().to(end)),
        );
}

/// A token in a list, in a line of rotations, or on the page of its person.
pub(crate) struct TokenView {
    pub(crate) jti: String,
    pub(crate) short: String,
    owner: OwnerView,
    /// `live`, `used`, `blacklisted` or `expired`.
    state: &'static str,
    /// The colour of its badge.
    pub(crate) kind: &'static str,
    pub(crate) state_text: String,
    /// Why it is refused, and since when; none where it is not.
    refused: Option<(String, Timestamp)>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl TokenView {
    pub(crate) fn new(l: &Layout, token: &Token) -> Self {
        let kind = match token.state {
            TokenState::Live => "ok",
            TokenState::Used => "neutral",
            TokenState::Blacklisted => "danger",
            TokenState::Expired => "off",
        };
        Self {
            short: short_id(token.jti.as_str()),
            jti: token.jti.to_string(),
            owner: OwnerView::new(l, &token.owner),
            state: token.state.as_str(),
            kind,
            state_text: l.t(&format!("token_state.{}", token.state)),
            refused: token
                .refused
                .map(|(reason, at)| (l.t(&format!("reason.{reason}")), at)),
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }

    /// Whether it is in this state.
    fn is_in(&self, state: &str) -> bool {
        self.state == state
    }
}

#[derive(Template)]
#[template(path = "admin/tokens/list.html")]
struct ListPage {
    l: Layout,
    problems: Vec<String>,
    person: String,
    user_types: Vec<Choice>,
    states: Vec<Choice>,
    from: String,
    to: String,
    chips: Vec<Chip>,
    /// None where nobody has the name that was asked for.
    tokens: Option<Vec<TokenView>>,
    pager: Option<Pager>,
}

impl ListPage {
    /// Whether the search stopped before the page was full.
    fn has_stopped(&self) -> bool {
        let pager = self.pager.as_ref();
        pager.is_some_and(|pager| pager.further.is_some())
    }
}

/// The labels of the filters.
const FILTERS: &[(&str, &str)] = &[
    ("person", "tokens.person"),
    ("user_type", "tokens.population"),
    ("state", "tokens.state"),
    ("from", "tokens.issued_from"),
    ("to", "tokens.issued_to"),
];

/// `GET /admin/tokens`. **Permissions**: administrators and auditors. 200.
async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let wanted = wanted(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let listed = refresh_tokens::list(panel.services(), wanted.clone(), seek, size).await?;
    let l = panel.layout("tokens");
    let (views, pager) = match listed {
        TokenList::Rows(slice) => {
            let pager = pager(&query, &l, &slice, refresh_tokens::cursor_of);
            let views = slice.items.iter().map(|token| TokenView::new(&l, token));
            (Some(views.collect()), Some(pager))
        }
        TokenList::UnknownOwner => (None, None),
    };
    panel.page(&ListPage {
        problems: problems(&l, &query, FILTERS),
        person: query.value("person").chars().take(200).collect(),
        user_types: choices(&l, "user_type", UserType::NAMES, query.value("user_type")),
        states: choices(&l, "token_state", TokenState::NAMES, query.value("state")),
        from: query.value("from").to_owned(),
        to: query.value("to").to_owned(),
        chips: chips(&l, &query, &wanted),
        tokens: views,
        pager,
        l,
    })
}

fn wanted(query: &mut ListQuery, panel: &Panel) -> TokenQuery {
    let zone = panel.zone();
    TokenQuery {
        person: query.text("person"),
        user_type: query.word("user_type", UserType::NAMES, |word| word.parse().ok()),
        state: query.word("state", TokenState::NAMES, TokenState::from_word),
        from: query.day("from", zone).map(|(begin, _)| begin),
        to: query.day("to", zone).map(|(_, end)| end),
    }
}

fn chips(l: &Layout, query: &ListQuery, wanted: &TokenQuery) -> Vec<Chip> {
    let population = wanted.user_type.map(|one| l.t(&format!("user_type.{one}")));
    let state = wanted.state.map(|one| l.t(&format!("token_state.{one}")));
    Chips::new(l, query, FILTERS)
        .add("person", wanted.person.clone())
        .add("user_type", population)
        .add("state", state)
        .add_day("from", wanted.from.is_some())
        .add_day("to", wanted.to.is_some())
        .done()
}

#[derive(Template)]
#[template(path = "admin/tokens/show.html")]
struct ShowPage {
    l: Layout,
    token: TokenView,
    claims: Vec<Claim>,
    session: Option<Session>,
    chain: Vec<TokenView>,
    earlier: i64,
}

impl ShowPage {
    /// Whether this is the token that came again after it was used, and ended the session.
    fn is_reused(&self, token: &TokenView) -> bool {
        let session = self.session.as_ref();
        let reused = session.and_then(|session| session.reused.as_ref());
        reused.is_some_and(|jti| jti.as_str() == token.jti)
    }
}

async fn find(panel: &Panel, jti: &str) -> Result<TokenInSession, AdminError> {
    let jti = Jti::parse(jti).ok_or(AdminError::NotFound)?;
    let found = refresh_tokens::show(panel.services(), jti).await?;
    found.ok_or(AdminError::NotFound)
}

/// `GET /admin/tokens/{jti}`. **Permissions**: administrators and auditors. 200, 404.
async fn show(panel: Panel, jti: Path<String>) -> PageResult {
    let found = find(&panel, &jti).await?;
    let l = panel.layout("tokens");
    panel.page(&ShowPage {
        claims: claims(&panel, &found.token),
        token: TokenView::new(&l, &found.token),
        session: found.session,
        chain: found
            .chain
            .iter()
            .map(|token| TokenView::new(&l, token))
            .collect(),
        earlier: found.earlier,
        l,
    })
}

/// What stands in the token, as it was made: its text is not kept.
fn claims(panel: &Panel, token: &Token) -> Vec<Claim> {
    let Token {
        jti,
        session,
        owner,
        created_at,
        expires_at,
        ..
    } = token;
    let tokens = &panel.services().tokens;
    fields(tokens.refresh_claims(owner.principal, session, jti, *created_at, *expires_at))
}

/// What an administrator is about to do to a token or its session.
#[derive(Template)]
#[template(path = "admin/tokens/confirm.html")]
struct ConfirmPage {
    l: Layout,
    token: TokenView,
    /// The words of the deed: `tokens.<deed>`, `tokens.<deed>_text` and `tokens.<deed>_button`.
    deed: &'static str,
    action: String,
}

impl ConfirmPage {
    fn new(panel: &Panel, token: &Token, deed: &'static str, path: &str) -> Self {
        let l = panel.layout("tokens");
        Self {
            action: format!("/admin/tokens/{}/{path}", token.jti),
            token: TokenView::new(&l, token),
            deed,
            l,
        }
    }

    fn words(&self, part: &str) -> String {
        self.l.t(&format!("tokens.{}{part}", self.deed))
    }
}

/// `GET /admin/tokens/{jti}/blacklist`. **Permissions**: administrators. 200, 404.
async fn ask_to_blacklist(panel: PanelAdmin, jti: Path<String>) -> PageResult {
    let found = find(&panel, &jti).await?;
    panel.page(&ConfirmPage::new(
        &panel,
        &found.token,
        "blacklist",
        "blacklist",
    ))
}

/// `POST /admin/tokens/{jti}/blacklist`. **Permissions**: administrators. 303, 404.
async fn blacklist(form: Form<PanelAdmin>, jti: Path<String>) -> PageResult {
    let panel = &form.panel;
    let jti = Jti::parse(&jti).ok_or(AdminError::NotFound)?;
    let back = format!("/admin/tokens/{jti}");
    match refresh_tokens::blacklist(panel.services(), panel.actor(), jti).await? {
        RevocationOutcome::Revoked => {
            panel.redirect_with(&back, &Notice::ok(panel.t("tokens.blacklist_done")))
        }
        RevocationOutcome::AlreadyRevoked => {
            panel.redirect_with(&back, &Notice::warn(panel.t("tokens.blacklist_before")))
        }
        RevocationOutcome::NotFound => Err(AdminError::NotFound),
    }
}

/// `GET /admin/tokens/{jti}/end-session`. **Permissions**: administrators. 200, 404.
async fn ask_to_end(panel: PanelAdmin, jti: Path<String>) -> PageResult {
    let found = find(&panel, &jti).await?;
    panel.page(&ConfirmPage::new(
        &panel,
        &found.token,
        "end_session",
        "end-session",
    ))
}

/// `POST /admin/tokens/{jti}/end-session`. **Permissions**: administrators. 303, 404.
async fn end(form: Form<PanelAdmin>, jti: Path<String>) -> PageResult {
    let panel = &form.panel;
    let Token { jti, session, .. } = find(panel, &jti).await?.token;
    let notice =
        match sessions::end_by_administrator(panel.services(), &panel.actor(), session, None)
            .await?
        {
            RevocationOutcome::Revoked => Notice::ok(panel.t("tokens.end_session_done")),
            RevocationOutcome::AlreadyRevoked | RevocationOutcome::NotFound => {
                Notice::warn(panel.t("tokens.end_session_before"))
            }
        };
    panel.redirect_with(&format!("/admin/tokens/{jti}"), &notice)
}
