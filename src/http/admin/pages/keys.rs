//! The keys that sign tokens: the list and their changes, each with a page that asks for the administrator's password.

use actix_web::web::Path;
use askama::Template;

use crate::clock::Timestamp;
use crate::config::Algorithm;
use crate::domain::problem::Problem;
use crate::domain::signing_key::KeyState;
use crate::http::admin::pages::people::account::requester;
use crate::http::admin::pages::people::cut_off::ends_of_accounts;
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::signing_keys::by_administrator::{KeyChange, change};
use crate::services::signing_keys::changes::Revoked;
use crate::services::signing_keys::list::{KeyInfo, list as list_keys};
use crate::services::signing_keys::refusal::KeyRefusal;

/// A key in the viewer's language.
struct KeyView {
    kid: String,
    algorithm: String,
    state: KeyState,
    state_text: String,
    /// The kind of the state's badge.
    kind: &'static str,
    sessions: String,
    since: Timestamp,
    until: Option<Timestamp>,
}

impl KeyView {
    fn new(l: &Layout, key: &KeyInfo) -> Self {
        let (kind, since) = match key.state {
            KeyState::Next => ("info", None),
            KeyState::Active => ("ok", key.activated_at),
            KeyState::Retired => ("neutral", key.retired_at),
            KeyState::Revoked => ("danger", key.revoked_at),
        };
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            state: key.state,
            state_text: l.word("key_state", key.state),
            kind,
            sessions: l.number(key.sessions),
            since: since.unwrap_or(key.published_at),
            until: key.expires_at,
        }
    }

    /// The changes that are possible.
    fn actions(&self) -> &'static [Action] {
        match self.state {
            KeyState::Next => &[Action::Promote, Action::Retire, Action::Revoke],
            KeyState::Active | KeyState::Retired => &[Action::Revoke],
            KeyState::Revoked => &[],
        }
    }
}

/// A change of a key that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Promote,
    Retire,
    Revoke,
}

impl Action {
    fn is_promotion(self) -> bool {
        self == Self::Promote
    }

    fn is_revocation(self) -> bool {
        self == Self::Revoke
    }

    fn button(self, l: &Layout) -> String {
        match self {
            Self::Promote => l.t("signing_keys.promote"),
            Self::Retire => l.t("signing_keys.retire"),
            Self::Revoke => l.t("signing_keys.revoke"),
        }
    }

    fn text(self, l: &Layout) -> String {
        match self {
            Self::Promote => l.t("signing_keys.promote_text"),
            Self::Retire => l.t("signing_keys.retire_text"),
            Self::Revoke => l.t("signing_keys.revoke_text"),
        }
    }

    /// What ends, such as `Ends 6 sessions of 4 accounts.`; empty where nothing does.
    fn ends(self, l: &Layout, key: &KeyInfo) -> String {
        match self {
            Self::Promote | Self::Retire => String::new(),
            Self::Revoke => ends_of_accounts(l, key.sessions, key.accounts),
        }
    }

    fn path(self, kid: &str) -> String {
        match self {
            Self::Promote => paths::promote_key(kid),
            Self::Retire => paths::retire_key(kid),
            Self::Revoke => paths::revoke_key(kid),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/keys/list.html")]
struct ListPage {
    l: Layout,
    is_of_files: bool,
    keys: Vec<KeyView>,
}

/// `GET /admin/keys`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel) -> PageResult {
    let services = panel.services();
    let l = panel.layout("keys");
    let keys = list_keys(&services.store, l.now).await?;
    panel.page(&ListPage {
        is_of_files: !services.config.tokens.keys.is_empty(),
        keys: keys.iter().map(|key| KeyView::new(&l, key)).collect(),
        l,
    })
}

#[derive(Template)]
#[template(path = "admin/keys/new.html")]
struct NewPage {
    l: Layout,
    errors: FieldErrors,
    refusal: String,
    algorithms: &'static [&'static str],
    chosen: String,
}

fn new_page(panel: &Panel, chosen: &str, refusal: String, errors: FieldErrors) -> NewPage {
    NewPage {
        l: panel.layout("keys"),
        errors,
        refusal,
        algorithms: Algorithm::NAMES,
        chosen: chosen.to_owned(),
    }
}

/// `GET /admin/keys/new`. **Permissions**: administrators. 200.
pub(crate) async fn new_form(panel: PanelAdmin) -> PageResult {
    let preferred = Algorithm::EdDsa.as_str();
    panel.page(&new_page(
        &panel,
        preferred,
        String::new(),
        FieldErrors::default(),
    ))
}

/// `POST /admin/keys/new`. **Permissions**: administrators. 303, 422 (the administrator's password is missing or wrong, or the
/// change is refused), 429.
pub(in crate::http) async fn create(
    mut form: Form<PanelAdmin>,
    device: PresentedDevice,
) -> PageResult {
    let chosen = form.text("algorithm").to_owned();
    let algorithm = form.required("algorithm", |text| {
        Algorithm::from_word(text).ok_or(Problem::NotOneOf(Algorithm::NAMES))
    });
    let done = match algorithm {
        Some(algorithm) => submit(&mut form, device, KeyChange::Generate(algorithm)).await?,
        None => Err(String::new()),
    };
    let panel = &form.panel;
    match done {
        Ok(_) => panel.redirect_ok(paths::KEYS, panel.t("signing_keys.generated")),
        Err(refusal) => panel.invalid(&new_page(panel, &chosen, refusal, form.errors())),
    }
}

/// Makes a change with the password in the form; returns what a revocation did, or why the change is refused. The refusal is
/// empty if a field has a problem.
async fn submit(
    form: &mut Form<PanelAdmin>,
    device: PresentedDevice,
    requested: KeyChange,
) -> Result<Result<Option<Revoked>, String>, AdminError> {
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    match change(form.panel.services(), &by, requested).await {
        Ok(revoked) => Ok(Ok(revoked)),
        Err(Error::KeyRefused(refusal)) => Ok(Err(sentence(&form.panel, &refusal))),
        Err(error) => form.take(error).map(|()| Err(String::new())),
    }
}

/// A refusal in the viewer's language.
fn sentence(panel: &Panel, refusal: &KeyRefusal) -> String {
    match refusal {
        KeyRefusal::TooEarly(_) => panel.t("signing_keys.too_early"),
        KeyRefusal::Files => panel.t("signing_keys.of_files"),
        _ => panel.t("signing_keys.changed"),
    }
}

#[derive(Template)]
#[template(path = "admin/keys/confirm.html")]
struct ConfirmPage {
    l: Layout,
    errors: FieldErrors,
    refusal: String,
    action: Action,
    key: KeyView,
    text: String,
    /// What ends; empty for nothing.
    ends: String,
}

async fn confirm_page(
    panel: &Panel,
    kid: &str,
    action: Action,
    refusal: String,
    errors: FieldErrors,
) -> Result<ConfirmPage, AdminError> {
    let l = panel.layout("keys");
    let keys = list_keys(&panel.services().store, l.now).await?;
    let key = keys.iter().find(|key| key.kid == kid);
    let key = key.ok_or(AdminError::NotFound)?;
    Ok(ConfirmPage {
        errors,
        refusal,
        action,
        text: action.text(&l),
        ends: action.ends(&l, key),
        key: KeyView::new(&l, key),
        l,
    })
}

async fn confirm(panel: &Panel, kid: &str, action: Action) -> PageResult {
    let page = confirm_page(panel, kid, action, String::new(), FieldErrors::default()).await?;
    panel.page(&page)
}

async fn apply(
    mut form: Form<PanelAdmin>,
    device: PresentedDevice,
    kid: &str,
    action: Action,
) -> PageResult {
    let kid = kid.to_owned();
    let requested = match action {
        Action::Promote => KeyChange::Promote {
            kid: kid.clone(),
            at_once: form.is("at_once"),
        },
        Action::Retire => KeyChange::Retire(kid.clone()),
        Action::Revoke => KeyChange::Revoke(kid.clone()),
    };
    let done = submit(&mut form, device, requested).await?;
    let panel = &form.panel;
    let message = match (done, action) {
        (Err(refusal), _) => {
            let page = confirm_page(panel, &kid, action, refusal, form.errors()).await?;
            return panel.invalid(&page);
        }
        (Ok(_), Action::Promote) => panel.t("signing_keys.promoted"),
        (Ok(_), Action::Retire) => panel.t("signing_keys.retired"),
        (Ok(revoked), Action::Revoke) => return after_revocation(panel, revoked.as_ref()),
    };
    panel.redirect_ok(paths::KEYS, message)
}

/// To the list, or to the job that ends the sessions, if it is still running.
fn after_revocation(panel: &Panel, revoked: Option<&Revoked>) -> PageResult {
    match revoked {
        Some(revoked) if revoked.is_ending => panel.redirect_ok(
            &paths::job(&revoked.job),
            panel.t("signing_keys.revoked_ending"),
        ),
        revoked => {
            let ended = revoked.map_or(0, |revoked| revoked.sessions);
            panel.redirect_ok(paths::KEYS, panel.tr_count("signing_keys.revoked", ended))
        }
    }
}

/// `GET /admin/keys/{kid}/promote`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_promote(panel: PanelAdmin, kid: Path<String>) -> PageResult {
    confirm(&panel, &kid, Action::Promote).await
}

/// `POST /admin/keys/{kid}/promote`. **Permissions**: administrators. 303, 404, 422, 429.
pub(in crate::http) async fn promote(
    form: Form<PanelAdmin>,
    device: PresentedDevice,
    kid: Path<String>,
) -> PageResult {
    Box::pin(apply(form, device, &kid, Action::Promote)).await
}

/// `GET /admin/keys/{kid}/retire`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_retire(panel: PanelAdmin, kid: Path<String>) -> PageResult {
    confirm(&panel, &kid, Action::Retire).await
}

/// `POST /admin/keys/{kid}/retire`. **Permissions**: administrators. 303, 404, 422, 429.
pub(in crate::http) async fn retire(
    form: Form<PanelAdmin>,
    device: PresentedDevice,
    kid: Path<String>,
) -> PageResult {
    Box::pin(apply(form, device, &kid, Action::Retire)).await
}

/// `GET /admin/keys/{kid}/revoke`: says how many sessions are logged out. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_revoke(panel: PanelAdmin, kid: Path<String>) -> PageResult {
    confirm(&panel, &kid, Action::Revoke).await
}

/// `POST /admin/keys/{kid}/revoke`. **Permissions**: administrators. 303, 404, 422, 429.
pub(in crate::http) async fn revoke(
    form: Form<PanelAdmin>,
    device: PresentedDevice,
    kid: Path<String>,
) -> PageResult {
    Box::pin(apply(form, device, &kid, Action::Revoke)).await
}
