//! One-time links to set a password: where an administrator makes one, and the page behind it.

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HOST, ORIGIN},
    },
    web::{self, Path, ServiceConfig},
};
use askama::Template;

use crate::{
    clock::Timestamp,
    domain::{
        account::Role,
        principal::{Principal, UserType},
    },
    http::admin::{
        pages::{person::seq_of, setup::new_password},
        web::{
            anonymous_page::AnonymousPage,
            error::PageResult,
            form::{FieldErrors, Form},
            layout::Layout,
            notice::Notice,
            owners::page_of,
            panel::PanelAdmin,
        },
    },
    services::{
        Services,
        accounts::password_links::{self, Issued, LinkOwner},
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    let issue = |config: &mut ServiceConfig, path: &str, user_type: UserType| {
        let handler = move |form, request, seq| issue(form, request, seq, user_type);
        let resource = web::resource(path)
            .route(web::post().to(handler))
            .route(web::get().to(back));
        config.service(resource);
    };
    issue(config, "/users/{seq}/link", UserType::User);
    issue(config, "/clients/{seq}/link", UserType::Client);
    config
        .service(web::resource("/password/done").route(web::get().to(done)))
        .service(
            web::resource("/password/{secret}")
                .route(web::get().to(form))
                .route(web::head().to(form))
                .route(web::post().to(set_password)),
        );
}

#[derive(Template)]
#[template(path = "admin/links/shown.html")]
struct ShownPage {
    l: Layout,
    login: String,
    url: String,
    expires_at: Timestamp,
    back: String,
}

/// `POST /admin/users/{seq}/link`, `POST /admin/clients/{seq}/link`. **Permissions**: administrators. 200 (shown once), 303
/// (sent by mail, or the account is inactive), 404.
async fn issue(
    form: Form<PanelAdmin>,
    request: HttpRequest,
    seq: Path<String>,
    user_type: UserType,
) -> PageResult {
    let panel = &form.panel;
    let owner = Principal {
        user_type,
        user_seq: seq_of(&seq)?,
    };
    let section = match user_type {
        UserType::User => "users",
        UserType::Client => "clients",
    };
    let back = page_of(owner);
    let url_of = password_url(&request, panel.services());
    match password_links::issue(panel.services(), &panel.actor(), owner, url_of).await? {
        Issued::Sent(email) => {
            panel.redirect_with(&back, &Notice::ok(panel.t1("links.sent", email)))
        }
        Issued::Inactive => panel.redirect_with(&back, &Notice::warn(panel.t("links.inactive"))),
        Issued::Shown {
            url,
            login,
            expires_at,
        } => panel.page(&ShownPage {
            l: panel.layout(section),
            login,
            url,
            expires_at,
            back,
        }),
    }
}

/// `GET` of the same: a link is not shown again. **Permissions**: anybody. 303 to the account's page.
async fn back(visitor: AnonymousPage) -> PageResult {
    let path = visitor.plain_layout().path;
    let path = path.split('?').next().unwrap_or_default();
    visitor.redirect(path.trim_end_matches("/link"))
}

/// The address of a link that sets a password, of its secret.
pub(crate) fn password_url(request: &HttpRequest, services: &Services) -> impl Fn(&str) -> String {
    let base = base_url(request, services);
    move |secret| format!("{base}/admin/password/{secret}")
}

/// The address that links begin with: the public one, else the one at which the administrator's own browser is, which was
/// held against `Host` when the form was read.
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
#[template(path = "admin/links/password.html")]
struct PasswordPage {
    l: Layout,
    errors: FieldErrors,
    login: String,
    is_first: bool,
    min_length: usize,
}

#[derive(Template)]
#[template(path = "admin/links/dead.html")]
struct DeadPage {
    l: Layout,
}

#[derive(Template)]
#[template(path = "admin/links/done.html")]
struct DonePage {
    l: Layout,
}

/// `GET /admin/password/{secret}`. **Permissions**: whoever has the link. 200, 410 (used, expired, withdrawn, unknown, or
/// its account may not log in), 429.
async fn form(visitor: AnonymousPage, secret: Path<String>) -> PageResult {
    match password_links::check(visitor.services(), &visitor.stranger(), &secret).await? {
        Some(owner) => visitor.page(&password_page(&visitor, FieldErrors::default(), &owner)),
        None => dead_page(&visitor),
    }
}

fn password_page(visitor: &AnonymousPage, errors: FieldErrors, owner: &LinkOwner) -> PasswordPage {
    PasswordPage {
        l: visitor.layout(),
        errors,
        login: owner.login().to_owned(),
        is_first: owner.is_first,
        min_length: visitor.services().config.login.min_password_length,
    }
}

fn dead_page(visitor: &AnonymousPage) -> PageResult {
    let page = DeadPage {
        l: visitor.layout(),
    };
    visitor.page_with(StatusCode::GONE, &page)
}

/// `POST /admin/password/{secret}`. **Permissions**: whoever has the link. 303, 410, 422, 429.
async fn set_password(mut form: Form<AnonymousPage>, secret: Path<String>) -> PageResult {
    let actor = form.panel.stranger();
    let Some(owner) = password_links::check(form.panel.services(), &actor, &secret).await? else {
        return dead_page(&form.panel);
    };
    let Some(password) = new_password(&mut form) else {
        let page = password_page(&form.panel, form.errors(), &owner);
        return form.panel.refused(&page);
    };
    let visitor = &form.panel;
    match password_links::set_password(visitor.services(), actor, &secret, password).await {
        Ok(Some(owner)) => after(visitor, &owner),
        Ok(None) => dead_page(visitor),
        Err(error) => {
            form.take(error)?;
            let page = password_page(&form.panel, form.errors(), &owner);
            form.panel.refused(&page)
        }
    }
}

/// Whoever may enter the panel is led to its door; others have nothing to do here.
fn after(visitor: &AnonymousPage, owner: &LinkOwner) -> PageResult {
    if owner.account.role.is_some_and(Role::has_panel_access) {
        let notice = Notice::ok(visitor.t("links.sign_in_now"));
        visitor.redirect_with("/admin/login", &notice)
    } else {
        visitor.redirect("/admin/password/done")
    }
}

/// `GET /admin/password/done`. **Permissions**: anybody. 200.
async fn done(visitor: AnonymousPage) -> PageResult {
    visitor.page(&DonePage {
        l: visitor.layout(),
    })
}
