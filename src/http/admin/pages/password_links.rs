//! Password links: one-time links with which the owner of an account sets its password.

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HOST, ORIGIN},
    },
    web::Path,
};
use askama::Template;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::config::PanelAccess;
use crate::http::admin::pages::people::account::{self, Person, requester, section};
use crate::http::admin::pages::people::cut_off;
use crate::http::admin::paths;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::page_context::PageContext;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::admin::web::shown_once::{self, ShownBeforePage};
use crate::http::device_token::PresentedDevice;
use crate::http::self_service::{self, panel_is_here};
use crate::services::accounts::invitations;
use crate::services::accounts::password_links::{self, Handover, Issued, LinkOwner};
use crate::services::accounts::step_up;
use crate::services::auth::sessions;
use crate::services::{Services, secret};

#[derive(Template)]
#[template(path = "admin/password_links/confirm.html")]
struct ConfirmPage {
    l: Layout,
    errors: FieldErrors,
    person: Person,
    /// The name of the button that issues the link.
    title: String,
    /// The address that a link is mailed to; empty if it can only be shown.
    address: String,
    /// Whether showing is selected.
    shows: bool,
    /// Sentences about what ends: a link that this one replaces, sessions.
    notes: Vec<String>,
    /// Whether all sessions of the account end as well.
    ends_all: bool,
}

/// `GET /admin/{users,clients}/{seq}/link`: asks for the administrator's password, and with mail how the link is handed over.
/// `?handover=show` selects showing; with `?end_all=1` all sessions of the account end as well. **Permissions**:
/// administrators. 200, 404.
pub(crate) async fn confirm(panel: PanelAdmin, path: AccountPath, query: ListQuery) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let choice = Choice {
        shows: query.value("handover") == "show",
        ends_all: query.value("end_all") == "1",
    };
    panel.page(&confirm_page(&panel, person, FieldErrors::default(), choice).await?)
}

/// What the form of a link chooses.
#[derive(Clone, Copy)]
struct Choice {
    /// Whether the link is shown instead of mailed.
    shows: bool,
    /// Whether all sessions of the account end as well.
    ends_all: bool,
}

async fn confirm_page(
    panel: &Panel,
    person: Person,
    errors: FieldErrors,
    choice: Choice,
) -> Result<ConfirmPage, AdminError> {
    let owner = person.principal;
    let l = panel.layout(section(owner.user_type));
    let mut notes = Vec::new();
    if let Some(open) = password_links::find_open(panel.services(), owner).await? {
        notes.push(l.tr_with("links.voids_open", l.time(&open.expires_at).exact));
    }
    if choice.ends_all {
        notes.push(cut_off::ends(panel, &l, owner).await?);
    }
    let title = if choice.ends_all {
        "person.end_all_and_link"
    } else {
        link_button(panel, &person)
    };
    Ok(ConfirmPage {
        title: l.t(title),
        address: mail_address(panel, &person).unwrap_or_default(),
        shows: choice.shows,
        notes,
        ends_all: choice.ends_all,
        errors,
        person,
        l,
    })
}

/// The address that a link for the account is mailed to; `None` if it can only be shown.
fn mail_address(panel: &Panel, person: &Person) -> Option<String> {
    let sends_mail = panel.services().delivery.sends_mail();
    person.email.clone().filter(|_| sends_mail)
}

/// The key of the name of the button that mails a link.
pub(crate) const MAIL_BUTTON: &str = "links.mail_button";

/// The key of the name of the button that issues a link.
pub(crate) fn link_button(panel: &Panel, person: &Person) -> &'static str {
    match mail_address(panel, person) {
        Some(_) => MAIL_BUTTON,
        None => "links.show_button",
    }
}

/// `POST /admin/{users,clients}/{seq}/link`. **Permissions**: administrators. 303 (to the page that shows the link once, or to
/// the account), 404, 422 (the administrator's password is missing or wrong), 429.
pub(in crate::http) async fn create(
    mut form: Form<PanelAdmin>,
    path: AccountPath,
    request: HttpRequest,
    device: PresentedDevice,
) -> PageResult {
    let AccountPath(owner) = path;
    let person = account::find(&form.panel, owner).await?;
    let proof = form.proof(form.panel.viewer().step_up);
    let url_of = password_url(&request, form.panel.services());
    let by = requester(&form.panel, device, proof);
    let choice = Choice {
        shows: form.text("handover") == "show",
        ends_all: form.is("end_all"),
    };
    let handover = if choice.shows {
        Handover::Show
    } else {
        Handover::Mail
    };
    let issued = step_up::issue_link(form.panel.services(), &by, owner, handover, url_of).await;
    let Some(issued) = form.checked(issued)? else {
        let page = confirm_page(&form.panel, person, form.errors(), choice).await?;
        return form.panel.invalid(&page);
    };
    if choice.ends_all {
        let (services, actor) = (form.panel.services(), form.panel.actor());
        sessions::end_all_by_administrator(services, &actor, owner).await?;
    }
    let (panel, person) = (&form.panel, person.path());
    match issued {
        Issued::Queued(email) => panel.redirect_ok(&person, panel.tr_with("links.queued", email)),
        Issued::Inactive => panel.redirect_warn(&person, panel.t("links.inactive")),
        Issued::Shown {
            url,
            login,
            expires_at,
        } => {
            let link = ShownLink {
                login,
                url,
                expires_at: expires_at.unix_micros(),
            };
            shown_once::redirect(panel, &person.shown_link(), &link).await
        }
    }
}

/// What the page with the link shows.
#[derive(Serialize, Deserialize)]
struct ShownLink {
    login: String,
    url: String,
    expires_at: i64,
}

#[derive(Template)]
#[template(path = "admin/password_links/show.html")]
struct ShowPage {
    l: Layout,
    login: String,
    url: String,
    expires_at: Timestamp,
    back: String,
}

/// `GET /admin/{users,clients}/{seq}/link/shown`. **Permissions**: administrators. 200 (once), 404, 410.
pub(crate) async fn show(panel: PanelAdmin, path: AccountPath, request: HttpRequest) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let l = panel.layout(section(path.0.user_type));
    let path = person.path();
    let Some(shown) = shown_once::take::<ShownLink>(&panel, &request).await? else {
        let page = ShownBeforePage {
            button: l.t("links.new_button"),
            l,
            name: person.name,
            action: path.password_link(),
            back: path.to_string(),
        };
        return panel.page_with(StatusCode::GONE, &page);
    };
    panel.page(&ShowPage {
        l,
        login: shown.login,
        url: shown.url,
        expires_at: Timestamp::from_unix_micros(shown.expires_at),
        back: path.to_string(),
    })
}

/// The absolute URL of a password link, from its secret.
pub(crate) fn password_url(request: &HttpRequest, services: &Services) -> impl Fn(&str) -> String {
    let base = base_url(request, services);
    move |secret| format!("{base}{}", paths::password_link(secret))
}

/// The base of links: the configured public URL, else the origin of the administrator's browser, which the form's extractor
/// has checked against `Host`.
fn base_url(request: &HttpRequest, services: &Services) -> String {
    if let Some(base) = services.config.server.public_base() {
        return base.to_owned();
    }
    let header = |name| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok())
    };
    match (header(ORIGIN), header(HOST)) {
        (Some(origin), _) if origin.starts_with("http") => origin.to_owned(),
        (_, Some(host)) => format!("http://{host}"),
        _ => invitations::base_url(services),
    }
}

#[derive(Template)]
#[template(path = "admin/password_links/form.html")]
struct FormPage {
    l: Layout,
    errors: FieldErrors,
    login: String,
    is_first: bool,
    min_length: usize,
}

#[derive(Template)]
#[template(path = "admin/password_links/expired.html")]
struct ExpiredPage {
    l: Layout,
    /// Whether people can request a link themselves.
    can_request: bool,
}

#[derive(Template)]
#[template(path = "admin/password_links/done.html")]
struct DonePage {
    l: Layout,
}

/// `GET /account/password/{secret}`. **Permissions**: anyone with the link. 200, 410 (used, expired, withdrawn, unknown, or the
/// account is inactive), 429.
pub(crate) async fn edit_form(context: PageContext, secret: Path<String>) -> PageResult {
    match password_links::check(context.services(), &context.anonymous(), &secret).await? {
        Some(owner) => context.page(&form_page(&context, FieldErrors::default(), &owner)),
        None => expired_page(&context),
    }
}

fn form_page(context: &PageContext, errors: FieldErrors, owner: &LinkOwner) -> FormPage {
    FormPage {
        l: context.layout(),
        errors,
        login: owner.account.login().to_owned(),
        is_first: owner.is_first,
        min_length: context.services().config.login.min_password_length,
    }
}

fn expired_page(context: &PageContext) -> PageResult {
    let page = ExpiredPage {
        can_request: self_service::is_available(context.services()),
        l: context.layout(),
    };
    context.page_with(StatusCode::GONE, &page)
}

/// `POST /account/password/{secret}`. **Permissions**: anyone with the link. 303, 410, 422, 429.
pub(crate) async fn update(mut form: Form<PageContext>, secret: Path<String>) -> PageResult {
    let actor = form.panel.anonymous();
    let Some(owner) = password_links::check(form.panel.services(), &actor, &secret).await? else {
        return expired_page(&form.panel);
    };
    let Some(password) = form.new_password() else {
        let page = form_page(&form.panel, form.errors(), &owner);
        return form.panel.invalid(&page);
    };
    let context = &form.panel;
    match password_links::set_password(context.services(), actor, &secret, password).await {
        Ok(Some(owner)) => after(context, &owner),
        Ok(None) => expired_page(context),
        Err(error) => {
            form.take(error)?;
            let page = form_page(&form.panel, form.errors(), &owner);
            form.panel.invalid(&page)
        }
    }
}

/// The sign-in page for those who have access to the panel, if it is on the same listener; a plain confirmation for everyone else.
fn after(context: &PageContext, owner: &LinkOwner) -> PageResult {
    let rights = context.services().roles.rights_of(&owner.account);
    if rights.panel == PanelAccess::None || !panel_is_here(context.services()) {
        context.redirect(paths::PASSWORD_SET)
    } else {
        context.redirect_ok(paths::LOGIN, context.t("links.sign_in_now"))
    }
}

/// `GET /admin/password/{secret}`: the address of links before the pages for owners had a scope of their own. **Permissions**:
/// anyone. 303.
pub(crate) async fn moved(context: PageContext, secret: Path<String>) -> PageResult {
    if !secret::is_well_formed(&secret) {
        return expired_page(&context);
    }
    context.redirect(&paths::password_link(&*secret))
}

/// `GET /account/password/done`. **Permissions**: anyone. 200.
pub(crate) async fn done(context: PageContext) -> PageResult {
    context.page(&DonePage {
        l: context.layout(),
    })
}
