//! One's own page: name, language, colours, time zone, password, and the sessions one has, in browsers and of tokens. It is an auditor's
//! as much as an administrator's.

use actix_web::web::{self, Path, ServiceConfig};
use askama::Template;
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::{
    domain::{
        account::Name,
        language::Language,
        password::Password,
        preferences::{Preferences, Theme, parse_time_zone},
        problem::Problem,
        session::{BrowserSessionId, SessionId},
    },
    http::{
        admin::web::{
            anonymous_page::AnonymousPage,
            cookies::{self, Name as Cookie},
            error::{AdminError, PageResult},
            form::{FieldErrors, Form},
            layout::Layout,
            notice::Notice,
            page_context::own_path,
            panel::Panel,
        },
        device_token::PresentedDevice,
        middleware::origin::is_https,
    },
    services::{
        accounts::own_account::{self, Kept},
        auth::{
            browser_sessions::{self, BrowserSession},
            sessions::{self, Session},
        },
    },
};

const PAGE: &str = "/admin/account";

pub(crate) fn routes(config: &mut ServiceConfig) {
    // A form that was refused is a page at its own address: who asks for that again finds his page.
    let form = |path: &str| web::resource(path.to_owned()).route(web::get().to(back));
    config
        .service(
            web::resource("/account")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        )
        .service(form("/account/profile").route(web::post().to(rename)))
        .service(form("/account/preferences").route(web::post().to(prefer)))
        .service(form("/account/password").route(web::post().to(change_password)))
        .service(web::resource("/account/sessions/end").route(web::post().to(end_all_except)))
        .service(web::resource("/account/sessions/{id}/end").route(web::post().to(end)))
        .service(
            web::resource("/account/api-sessions/end").route(web::post().to(end_token_sessions)),
        )
        .service(
            web::resource("/account/api-sessions/{id}/end")
                .route(web::post().to(end_token_session)),
        )
        .service(web::resource("/language").route(web::post().to(speak)));
}

#[derive(Template)]
#[template(path = "admin/account/show.html")]
struct AccountPage {
    l: Layout,
    errors: FieldErrors,
    name: String,
    preferences: Preferences,
    themes: &'static [Theme],
    regions: Vec<Region>,
    sessions: Vec<BrowserSession>,
    current: BrowserSessionId,
    /// His sessions of tokens.
    api_sessions: Vec<Session>,
    min_length: usize,
}

impl AccountPage {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass references"
    )]
    fn is_zone(&self, zone: &Tz) -> bool {
        self.preferences.time_zone == Some(*zone)
    }
}

/// The zones of a part of the world.
struct Region {
    name: &'static str,
    zones: Vec<Tz>,
}

/// The parts of the world by which the IANA database names its zones.
const WORLD: [&str; 10] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
];

/// The zones to choose from. Those without a place in their name are old ones, and left out but for the chosen one.
fn regions(chosen: Option<Tz>) -> Vec<Region> {
    let region_of = |zone: Tz| zone.name().split_once('/').map(|(region, _)| region);
    let is_old = |zone: &Tz| region_of(*zone).is_none_or(|region| !WORLD.contains(&region));
    let mut first = vec![Tz::UTC];
    first.extend(chosen.filter(|zone| *zone != Tz::UTC && is_old(zone)));
    let zones_of = |region: &&'static str| Region {
        name: region,
        zones: TZ_VARIANTS
            .into_iter()
            .filter(|zone| region_of(*zone) == Some(region))
            .collect(),
    };
    let utc = Region {
        name: "UTC",
        zones: first,
    };
    std::iter::once(utc)
        .chain(WORLD.iter().map(zones_of))
        .collect()
}

async fn page(panel: &Panel, errors: FieldErrors, name: String) -> Result<AccountPage, AdminError> {
    let viewer = panel.viewer();
    let browsers =
        browser_sessions::list(panel.services(), viewer.account.principal.user_seq).await?;
    Ok(AccountPage {
        l: panel.layout("account"),
        errors,
        name,
        preferences: viewer.preferences,
        themes: Theme::ALL,
        regions: regions(viewer.preferences.time_zone),
        sessions: browsers,
        current: viewer.session.clone(),
        api_sessions: sessions::list_live(panel.services(), viewer.account.principal).await?,
        min_length: panel.services().config.login.min_password_length,
    })
}

/// `GET /admin/account`. **Permissions**: whoever is signed in. 200.
async fn show(panel: Panel) -> PageResult {
    let name = panel.viewer().account.name.clone();
    let page = page(&panel, FieldErrors::default(), name).await?;
    panel.page(&page)
}

/// `GET` where a form is sent to. **Permissions**: anybody. 303.
async fn back(visitor: AnonymousPage) -> PageResult {
    visitor.redirect(PAGE)
}

/// What is wrong with a form, on the page with what was typed.
async fn again(form: &Form<Panel>, name: String) -> PageResult {
    let page = page(&form.panel, form.errors(), name).await?;
    form.panel.refused(&page)
}

/// `POST /admin/account/profile`. **Permissions**: whoever is signed in. 303, 422.
async fn rename(mut form: Form<Panel>) -> PageResult {
    let Some(name) = form.required("name", Name::parse) else {
        let typed = form.text("name").to_owned();
        return again(&form, typed).await;
    };
    let panel = &form.panel;
    own_account::rename(panel.services(), &panel.actor(), panel.viewer(), name).await?;
    panel.redirect_with(PAGE, &Notice::ok(panel.t("account.saved")))
}

/// `POST /admin/account/preferences`. **Permissions**: whoever is signed in. 303, 422.
async fn prefer(mut form: Form<Panel>) -> PageResult {
    let language = form.optional("language", |tag| {
        Language::from_tag(tag).ok_or(Problem::NotOneOf(&["en", "ko"]))
    });
    let theme = form.required("theme", |word| {
        Theme::from_word(word).ok_or(Problem::NotOneOf(Theme::NAMES))
    });
    let time_zone = form.optional("time_zone", parse_time_zone);
    let (false, Some(theme)) = (form.has_problems(), theme) else {
        let name = form.panel.viewer().account.name.clone();
        return again(&form, name).await;
    };
    let wanted = Preferences {
        language,
        theme,
        time_zone,
    };
    let panel = &form.panel;
    own_account::prefer(panel.services(), panel.actor(), panel.viewer(), wanted).await?;
    // Told in the language that was just chosen.
    let language = language.unwrap_or(panel.context.language);
    let text = crate::http::admin::web::layout::words(language, "account.saved");
    panel.redirect_with(PAGE, &Notice::ok(text))
}

/// `POST /admin/account/password`. **Permissions**: whoever is signed in. 303, 422, 429 (after too many wrong passwords).
async fn change_password(mut form: Form<Panel>, shown: PresentedDevice) -> PageResult {
    let current = form.required("current", Password::parse);
    let new = form.required("password", Password::parse);
    if form.text("repeated") != form.text("password") {
        form.problem("repeated", Problem::PasswordMismatch);
    }
    let name = form.panel.viewer().account.name.clone();
    let (Some(current), Some(new), false) = (current, new, form.has_problems()) else {
        return again(&form, name).await;
    };
    let panel = &form.panel;
    let (login_context, viewer) = (shown.login_context(panel.actor()), panel.viewer());
    let kept = Kept::Browser(viewer.session.clone());
    let services = panel.services();
    let changed = own_account::change_password(
        services,
        &login_context,
        &viewer.account,
        kept,
        current,
        new,
    )
    .await;
    if let Err(error) = changed {
        form.take(error)?;
        return again(&form, name).await;
    }
    let notice = Notice::ok(form.panel.t("account.password_changed"));
    form.panel.redirect_with(PAGE, &notice)
}

/// `POST /admin/account/sessions/{id}/end`. **Permissions**: whoever is signed in, his own sessions. 303, 404.
async fn end(form: Form<Panel>, id: Path<String>) -> PageResult {
    let panel = &form.panel;
    let id = BrowserSessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let owner = &panel.viewer().account;
    if !browser_sessions::end(panel.services(), panel.actor(), owner, id).await? {
        return Err(AdminError::NotFound);
    }
    panel.redirect_with(PAGE, &Notice::ok(panel.t("account.session_ended")))
}

/// `POST /admin/account/sessions/end`. **Permissions**: whoever is signed in; all his sessions but this one. 303.
async fn end_all_except(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    let ended =
        own_account::end_other_sessions(panel.services(), panel.actor(), panel.viewer()).await?;
    panel.redirect_with(PAGE, &Notice::ok(panel.tn("account.sessions_ended", ended)))
}

/// `POST /admin/account/api-sessions/{id}/end`. **Permissions**: whoever is signed in, his own sessions. 303, 404.
async fn end_token_session(form: Form<Panel>, id: Path<String>) -> PageResult {
    let panel = &form.panel;
    let id = SessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let owner = &panel.viewer().account;
    if !sessions::end_own(panel.services(), &panel.actor(), owner, id).await? {
        return Err(AdminError::NotFound);
    }
    panel.redirect_with(PAGE, &Notice::ok(panel.t("account.session_ended")))
}

/// `POST /admin/account/api-sessions/end`. **Permissions**: whoever is signed in; all his sessions of tokens. 303.
async fn end_token_sessions(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    let ended =
        own_account::end_token_sessions(panel.services(), panel.actor(), panel.viewer()).await?;
    panel.redirect_with(PAGE, &Notice::ok(panel.tn("account.sessions_ended", ended)))
}

/// `POST /admin/language`: the switch below every page. **Permissions**: anybody. 303, 400.
async fn speak(form: Form<AnonymousPage>, signed_in: Option<Panel>) -> PageResult {
    let visitor = &form.panel;
    let language = Language::from_tag(form.text("language")).ok_or(AdminError::Malformed)?;
    let next = own_path(form.text("next")).unwrap_or("/admin");
    if let Some(panel) = signed_in {
        let viewer = panel.viewer();
        let wanted = Preferences {
            language: Some(language),
            ..viewer.preferences
        };
        own_account::prefer(panel.services(), panel.actor(), viewer, wanted).await?;
    }
    // The door speaks it too, before and after.
    let is_https = is_https(visitor.services());
    let year = std::time::Duration::from_hours(24 * 365);
    let tag = language.tag().to_owned();
    let mut answer = visitor.redirecting(next, None);
    answer.cookie(cookies::set(Cookie::Language, tag, Some(year), is_https));
    Ok(answer.finish())
}
