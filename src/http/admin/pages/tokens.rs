//! Refresh tokens: one token with its session and rotation chain, blacklisting it and ending its session, each behind
//! a confirmation.

use actix_web::web::Path;
use askama::Template;

use crate::clock::Timestamp;
use crate::domain::session::{Jti, TokenState};
use crate::http::admin::pages::people::theft::Theft;
use crate::http::admin::paths;
use crate::http::admin::web::claims::{Claim, fields};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::owners::{OwnerView, short_id};
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::audit::events;
use crate::services::auth::sessions::{self, RevocationOutcome};
use crate::services::tokens::refresh_tokens::{self, Token, TokenInSession};
use crate::store::sessions::SessionRow;

/// A token in a list, in a rotation chain, or on the page of its account.
pub(crate) struct TokenView {
    pub(crate) path: String,
    pub(crate) jti: String,
    pub(crate) short: String,
    pub(crate) owner: OwnerView,
    /// `live`, `used`, `blacklisted` or `expired`.
    pub(crate) state: &'static str,
    /// The kind of its badge.
    pub(crate) kind: &'static str,
    pub(crate) state_text: String,
    /// The reason and the time of its revocation.
    pub(crate) refused: Option<(String, Timestamp)>,
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
            path: paths::token(&token.jti),
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

    /// Whether it has this id.
    pub(crate) fn is(&self, jti: &str) -> bool {
        self.jti == jti
    }

    /// Whether this is its state.
    pub(crate) fn is_in(&self, state: &str) -> bool {
        self.state == state
    }
}

#[derive(Template)]
#[template(path = "admin/tokens/show.html")]
struct ShowPage {
    l: Layout,
    token: TokenView,
    claims: Vec<Claim>,
    session: Option<SessionRow>,
    chain: Vec<TokenView>,
    earlier: i64,
    /// The suspected theft that ended the session.
    theft: Option<Theft>,
}

impl ShowPage {
    /// The token whose reuse ended the session; empty for none.
    fn reused(&self) -> &str {
        let session = self.session.as_ref();
        let reused = session.and_then(|session| session.reused_jti.as_ref());
        reused.map_or("", |jti| jti.as_str())
    }
}

async fn find(panel: &Panel, jti: &str) -> Result<TokenInSession, AdminError> {
    let jti = Jti::parse(jti).ok_or(AdminError::NotFound)?;
    let found = refresh_tokens::show(panel.services(), jti).await?;
    found.ok_or(AdminError::NotFound)
}

/// `GET /admin/tokens/{jti}`. **Permissions**: administrators and auditors. 200, 404.
pub(crate) async fn show(panel: Panel, jti: Path<String>) -> PageResult {
    let found = find(&panel, &jti).await?;
    let l = panel.layout("tokens");
    let reused = found.session.as_ref();
    let theft = match reused.filter(|session| session.reused_jti.is_some()) {
        Some(session) => events::find_reuse(panel.services(), session.id.clone()).await?,
        None => None,
    };
    panel.page(&ShowPage {
        theft: theft.map(|event| Theft::new(&l, &event)),
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

/// The claims of the token, computed again: the token itself is not stored.
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

/// The confirmation of an action on a token or its session.
#[derive(Template)]
#[template(path = "admin/tokens/confirm.html")]
struct ConfirmPage {
    l: Layout,
    token: TokenView,
    /// The session, while it has not ended.
    session: Option<SessionRow>,
    /// The texts are `tokens.<action>_title`, `_text`, `_button` and `_ends`.
    action: &'static str,
    path: String,
}

impl ConfirmPage {
    fn text(&self, part: &str) -> String {
        self.l.t(&format!("tokens.{}{part}", self.action))
    }
}

async fn confirm(
    panel: &Panel,
    jti: &str,
    action: &'static str,
    path: fn(&Jti) -> String,
) -> PageResult {
    let TokenInSession { token, session, .. } = find(panel, jti).await?;
    let l = panel.layout("tokens");
    let is_live = |one: &SessionRow| one.ended_at.is_none() && one.expires_at > l.now;
    panel.page(&ConfirmPage {
        session: session.filter(is_live),
        path: path(&token.jti),
        token: TokenView::new(&l, &token),
        action,
        l,
    })
}

/// `GET /admin/tokens/{jti}/blacklist`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_blacklist(panel: PanelAdmin, jti: Path<String>) -> PageResult {
    confirm(&panel, &jti, "blacklist", |jti| paths::blacklist_token(jti)).await
}

/// `POST /admin/tokens/{jti}/blacklist`. **Permissions**: administrators. 303, 404.
pub(crate) async fn blacklist(form: Form<PanelAdmin>, jti: Path<String>) -> PageResult {
    let panel = &form.panel;
    let jti = Jti::parse(&jti).ok_or(AdminError::NotFound)?;
    let back = paths::token(&jti);
    match refresh_tokens::blacklist(panel.services(), panel.actor(), jti).await? {
        RevocationOutcome::Revoked => panel.redirect_ok(&back, panel.t("tokens.blacklist_done")),
        RevocationOutcome::AlreadyRevoked => {
            panel.redirect_warn(&back, panel.t("tokens.blacklist_before"))
        }
        RevocationOutcome::NotFound => Err(AdminError::NotFound),
    }
}

/// `GET /admin/tokens/{jti}/end-session`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_end_session(panel: PanelAdmin, jti: Path<String>) -> PageResult {
    let path = |jti: &Jti| paths::end_session_of_token(jti);
    confirm(&panel, &jti, "end_session", path).await
}

/// `POST /admin/tokens/{jti}/end-session`. **Permissions**: administrators. 303, 404.
pub(crate) async fn end_session(form: Form<PanelAdmin>, jti: Path<String>) -> PageResult {
    let panel = &form.panel;
    let Token { jti, session, .. } = find(panel, &jti).await?.token;
    let (back, actor) = (paths::token(jti), panel.actor());
    match sessions::end_by_administrator(panel.services(), &actor, session, None).await? {
        RevocationOutcome::Revoked => panel.redirect_ok(&back, panel.t("tokens.end_session_done")),
        RevocationOutcome::AlreadyRevoked | RevocationOutcome::NotFound => {
            panel.redirect_warn(&back, panel.t("tokens.end_session_before"))
        }
    }
}
