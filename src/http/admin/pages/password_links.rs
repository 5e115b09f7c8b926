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

use crate::clock::Timestamp;
use crate::config::PanelAccess;
use crate::domain::password::Password;
use crate::http::admin::pages::people::account::{self, Person, requester, section};
use crate::http::admin::pages::people::confirm::ConfirmPage;
use crate::http::admin::pages::people::cut_off;
use crate::http::admin::paths;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::page_context::PageContext;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::Services;
use crate::services::accounts::password_links::{self, Issued, LinkOwner};
use crate::services::accounts::step_up;
use crate::services::auth::sessions;

#[derive(Template)]
#[template(path = "admin/password_links/show.html")]
struct ShowPage {
    l: Layout,
    login: String,
    url: String,
    expires_at: Timestamp,
    back: String,
}

/// `GET /admin/{users,clients}/{seq}/link`: asks for the administrator's password. **Permissions**: administrators. 200, 404.
/// With `end_all=1` all sessions of the account end as well.
pub(crate) async fn confirm(panel: PanelAdmin, path: AccountPath, query: ListQuery) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let ends_all = query.value("end_all") == "1";
    panel.page(&confirm_page(&panel, person, ends_all, FieldErrors::default()).await?)
}

async fn confirm_page(
    panel: &Panel,
    person: Person,
    ends_all: bool,
    errors: FieldErrors,
) -> Result<ConfirmPage, AdminError> {
    let (action, owner) = (person.path().password_link(), person.principal);
    let l = panel.layout(section(owner.user_type));
    let mut notes = Vec::new();
    if let Some(until) = password_links::find_open(panel.services(), owner).await? {
        notes.push(l.tr_with("links.voids_open", l.time(&until).exact));
    }
    if ends_all {
        notes.push(cut_off::ends(panel, &l, owner).await?);
    }
    let title = if ends_all {
        "person.end_all_and_link"
    } else {
        "person.link_button"
    };
    let texts = (title, "links.confirm_text");
    Ok(ConfirmPage::new(panel, person, action, texts, errors).ending(notes, ends_all))
}

/// `POST /admin/{users,clients}/{seq}/link`; with `end_all` all sessions of the account end as well. **Permissions**:
/// administrators. 200 (shown once), 303 (sent by mail, or the
/// account is inactive), 404, 422 (the administrator's password is missing or wrong), 429.
pub(in crate::http) async fn create(
    mut form: Form<PanelAdmin>,
    path: AccountPath,
    request: HttpRequest,
    device: PresentedDevice,
) -> PageResult {
    let AccountPath(owner) = path;
    let person = account::find(&form.panel, owner).await?;
    let password = form.optional("current", Password::parse);
    let url_of = password_url(&request, form.panel.services());
    let by = requester(&form.panel, device, password);
    let issued = step_up::issue_link(form.panel.services(), &by, owner, url_of).await;
    let Some(issued) = form.checked(issued)? else {
        let page = confirm_page(&form.panel, person, form.is("end_all"), form.errors()).await?;
        return form.panel.invalid(&page);
    };
    if form.is("end_all") {
        let (services, actor) = (form.panel.services(), form.panel.actor());
        sessions::end_all_by_administrator(services, &actor, owner).await?;
    }
    let (panel, person) = (&form.panel, person.path());
    match issued {
        Issued::Sent(email) => panel.redirect_ok(&person, panel.tr_with("links.sent", email)),
        Issued::Inactive => panel.redirect_warn(&person, panel.t("links.inactive")),
        Issued::Shown {
            url,
            login,
            expires_at,
        } => panel.page(&ShowPage {
            l: panel.layout(section(owner.user_type)),
            login,
            url,
            expires_at,
            back: person.to_string(),
        }),
    }
}

/// The absolute URL of a password link, from its secret.
pub(crate) fn password_url(request: &HttpRequest, services: &Services) -> impl Fn(&str) -> String {
    let base = base_url(request, services);
    move |secret| format!("{base}{}", paths::password_link(secret))
}

/// The base of links: the configured public URL, else the origin of the administrator's browser, which the form's extractor
/// has checked against `Host`.
fn base_url(request: &HttpRequest, services: &Services) -> String {
    if let Some(url) = &services.config.server.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let header = |name| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok())
    };
    match (header(ORIGIN), header(HOST)) {
        (Some(origin), _) if origin.starts_with("http") => origin.to_owned(),
        (_, Some(host)) => format!("http://{host}"),
        _ => format!("http://{}", services.config.server.listen),
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
}

#[derive(Template)]
#[template(path = "admin/password_links/done.html")]
struct DonePage {
    l: Layout,
}

/// `GET /admin/password/{secret}`. **Permissions**: anyone with the link. 200, 410 (used, expired, withdrawn, unknown, or the
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
        l: context.layout(),
    };
    context.page_with(StatusCode::GONE, &page)
}

/// `POST /admin/password/{secret}`. **Permissions**: anyone with the link. 303, 410, 422, 429.
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

/// The sign-in page for those who have access to the panel, a plain confirmation for everyone else.
fn after(context: &PageContext, owner: &LinkOwner) -> PageResult {
    let rights = context.services().roles.rights_of(&owner.account);
    if rights.panel == PanelAccess::None {
        context.redirect(paths::PASSWORD_SET)
    } else {
        context.redirect_ok(paths::LOGIN, context.t("links.sign_in_now"))
    }
}

/// `GET /admin/password/done`. **Permissions**: anyone. 200.
pub(crate) async fn done(context: PageContext) -> PageResult {
    context.page(&DonePage {
        l: context.layout(),
    })
}
