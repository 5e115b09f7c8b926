//! The page of one internal user, and what an administrator does from there: activate, deactivate, delete, end a session in
//! the panel.

use actix_web::{
    http::StatusCode,
    web::{self, Path, ServiceConfig},
};
use askama::Template;

use crate::{
    domain::{
        account::Account,
        principal::{Principal, UserSeq},
        session::BrowserSessionId,
    },
    http::admin::{
        pages::person::{PersonDetails, refusal, seq_of},
        web::{
            error::{AdminError, PageResult},
            form::Form,
            layout::Layout,
            notice::Notice,
            owners::{initials, page_of},
            panel::{Panel, PanelAdmin},
        },
    },
    services::{
        accounts::{
            lifecycle,
            users::{self, User},
        },
        auth::browser_sessions::{self, BrowserSession},
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/users/{seq:\\d+}")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        )
        .service(
            web::resource("/users/{seq:\\d+}/delete")
                .route(web::get().to(ask_to_delete))
                .route(web::head().to(ask_to_delete))
                .route(web::post().to(delete)),
        )
        .service(web::resource("/users/{seq:\\d+}/activate").route(web::post().to(activate)))
        .service(web::resource("/users/{seq:\\d+}/deactivate").route(web::post().to(deactivate)))
        .service(
            web::resource("/users/{seq:\\d+}/browser-sessions/{id}/end")
                .route(web::post().to(end_browser_session)),
        );
}

#[derive(Template)]
#[template(path = "admin/users/show.html")]
struct ShowPage {
    l: Layout,
    user: User,
    initials: String,
    role: String,
    /// Whether it is the viewer himself.
    is_self: bool,
    /// Why the last change was refused; empty where none was.
    refusal: String,
    around: PersonDetails,
    browsers: Vec<BrowserSession>,
    /// The viewer's own browser.
    current: BrowserSessionId,
}

async fn show_page(panel: &Panel, seq: UserSeq, refusal: String) -> Result<ShowPage, AdminError> {
    let user = users::find(panel.services(), seq).await?;
    let l = panel.layout("users");
    let principal = Principal::user(seq);
    Ok(ShowPage {
        around: PersonDetails::of(panel, &l, principal).await?,
        browsers: browser_sessions::list(panel.services(), seq).await?,
        current: panel.viewer().session.clone(),
        initials: initials(&user.name),
        role: l.word("role", user.role),
        is_self: panel.viewer().account.principal == principal,
        refusal,
        user,
        l,
    })
}

/// `GET /admin/users/{seq}`. **Permissions**: administrators and auditors. 200, 404.
async fn show(panel: Panel, seq: Path<String>) -> PageResult {
    panel.page(&show_page(&panel, seq_of(&seq)?, String::new()).await?)
}

/// `POST /admin/users/{seq}/activate`. **Permissions**: administrators. 303, 404.
async fn activate(form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    set_active(&form.panel, seq_of(&seq)?, true).await
}

/// `POST /admin/users/{seq}/deactivate`. **Permissions**: administrators. 303, 404, 409 (oneself, or the last administrator).
async fn deactivate(form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    set_active(&form.panel, seq_of(&seq)?, false).await
}

async fn set_active(panel: &Panel, seq: UserSeq, is_active: bool) -> PageResult {
    let (actor, owner) = (panel.actor(), Principal::user(seq));
    if let Err(error) = lifecycle::set_active(panel.services(), &actor, owner, is_active).await {
        let page = show_page(panel, seq, refusal(panel, error)?).await?;
        return panel.page_with(StatusCode::CONFLICT, &page);
    }
    let text = if is_active {
        panel.t("person.activated")
    } else {
        panel.t("person.deactivated")
    };
    panel.redirect_with(&page_of(Principal::user(seq)), &Notice::ok(text))
}

#[derive(Template)]
#[template(path = "admin/users/delete.html")]
struct DeletePage {
    l: Layout,
    user: User,
    initials: String,
    /// Why it cannot be done; empty where it can.
    refusal: String,
}

async fn delete_page(
    panel: &Panel,
    seq: UserSeq,
    refusal: String,
) -> Result<DeletePage, AdminError> {
    let user = users::find(panel.services(), seq).await?;
    Ok(DeletePage {
        l: panel.layout("users"),
        initials: initials(&user.name),
        user,
        refusal,
    })
}

/// `GET /admin/users/{seq}/delete`. **Permissions**: administrators. 200, 404.
async fn ask_to_delete(panel: PanelAdmin, seq: Path<String>) -> PageResult {
    let seq = seq_of(&seq)?;
    let refusal = if panel.viewer().account.principal == Principal::user(seq) {
        panel.t("error.own_account_text")
    } else {
        String::new()
    };
    panel.page(&delete_page(&panel, seq, refusal).await?)
}

/// `POST /admin/users/{seq}/delete`. **Permissions**: administrators. 303, 404, 409 (oneself, or the last administrator).
async fn delete(form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    let (panel, seq) = (&form.panel, seq_of(&seq)?);
    let user = users::find(panel.services(), seq).await?;
    let owner = Principal::user(seq);
    if let Err(error) = lifecycle::delete(panel.services(), &panel.actor(), owner).await {
        let page = delete_page(panel, seq, refusal(panel, error)?).await?;
        return panel.page_with(StatusCode::CONFLICT, &page);
    }
    let notice = Notice::ok(panel.t1("person.deleted", user.email));
    panel.redirect_with("/admin/users", &notice)
}

/// `POST /admin/users/{seq}/browser-sessions/{id}/end`. **Permissions**: administrators. 303, 404.
async fn end_browser_session(form: Form<PanelAdmin>, path: Path<(String, String)>) -> PageResult {
    let panel = &form.panel;
    let (seq, id) = path.into_inner();
    let user = users::find(panel.services(), seq_of(&seq)?).await?;
    let id = BrowserSessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let seq = user.user_seq;
    let owner = Account::user(seq, user.email, user.name, user.role, user.is_active);
    let ended = browser_sessions::end(panel.services(), panel.actor(), &owner, id).await?;
    let notice = if ended {
        Notice::ok(panel.t("person.session_ended"))
    } else {
        Notice::warn(panel.t("person.session_ended_before"))
    };
    panel.redirect_with(&page_of(Principal::user(seq)), &notice)
}
