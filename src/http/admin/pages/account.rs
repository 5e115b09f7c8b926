//! The viewer's own account: name, preferences and password, and the list of its sessions. Open to administrators and auditors.

use askama::Template;
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::domain::account::Name;
use crate::domain::language::Language;
use crate::domain::password::Password;
use crate::domain::preferences::{Preferences, Theme, parse_time_zone};
use crate::domain::problem::Problem;
use crate::domain::session::BrowserSessionId;
use crate::http::admin::pages::own_sessions;
use crate::http::admin::pages::people::cut_off::ends_on_devices;
use crate::http::admin::pages::second_factor::confirmed;
use crate::http::admin::paths;
use crate::http::admin::redirect_targets::{owners_path, panel_path};
use crate::http::admin::web::cookies::{self, Name as Cookie};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::texts;
use crate::http::device_token::PresentedDevice;
use crate::http::self_service;
use crate::services::Error;
use crate::services::accounts::own_account::{self, KeptSession};
use crate::services::auth::browser_sessions::{self, StepUp};
use crate::services::auth::sessions;
use crate::services::second_factors::enrolment;
use crate::store::browser_sessions::BrowserSessionRow;
use crate::store::sessions::SessionRow;

#[derive(Template)]
#[template(path = "admin/account/show.html")]
struct AccountPage {
    l: Layout,
    errors: FieldErrors,
    name: String,
    preferences: Preferences,
    themes: &'static [Theme],
    regions: Vec<Region>,
    sessions: Vec<BrowserSessionRow>,
    current: BrowserSessionId,
    api_sessions: Vec<SessionRow>,
    min_length: usize,
    /// What ends with another password; empty for nothing.
    password_ends: String,
    /// Whether there is a second factor.
    has_factor: bool,
    /// None without one.
    email: Option<String>,
    /// Whether links can be mailed, which the change of the address needs.
    sends_links: bool,
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

/// The field of the current password, next to that of the proof.
const CURRENT_PASSWORD: &str = "current_password";

/// The time zones of a region.
struct Region {
    name: &'static str,
    zones: Vec<Tz>,
}

/// The regions of the IANA time zone database.
const REGIONS: [&str; 10] = [
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

/// The selectable time zones. Legacy names without a region are left out, except for the chosen one.
fn regions(chosen: Option<Tz>) -> Vec<Region> {
    let region_of = |zone: Tz| zone.name().split_once('/').map(|(region, _)| region);
    let is_legacy = |zone: &Tz| region_of(*zone).is_none_or(|region| !REGIONS.contains(&region));
    let mut first = vec![Tz::UTC];
    first.extend(chosen.filter(|zone| *zone != Tz::UTC && is_legacy(zone)));
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
        .chain(REGIONS.iter().map(zones_of))
        .collect()
}

async fn page(panel: &Panel, errors: FieldErrors, name: String) -> Result<AccountPage, AdminError> {
    let viewer = panel.viewer();
    let browsers =
        browser_sessions::list(panel.services(), viewer.account.principal.user_seq).await?;
    let l = panel.layout("account");
    let devices = own_sessions::other_devices(panel).await?;
    Ok(AccountPage {
        password_ends: if devices.is_empty() {
            String::new()
        } else {
            ends_on_devices(&l, &devices)
        },
        l,
        errors,
        name,
        preferences: viewer.preferences,
        themes: &Theme::ALL,
        regions: regions(viewer.preferences.time_zone),
        sessions: browsers,
        current: viewer.session.clone(),
        api_sessions: sessions::list_live(panel.services(), viewer.account.principal).await?,
        min_length: panel.services().config.login.min_password_length,
        has_factor: !enrolment::find(panel.services(), viewer.account.principal)
            .await?
            .are_none(),
        email: viewer.account.email.clone(),
        sends_links: self_service::confirmation_link(panel.services()).is_ok(),
    })
}

/// `GET /admin/account`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn show(panel: Panel) -> PageResult {
    let name = panel.viewer().account.name.clone();
    let page = page(&panel, FieldErrors::default(), name).await?;
    panel.page(&page)
}

/// `GET /admin/account/{profile,preferences,password}`. **Permissions**: anyone. 303 to the account.
pub(crate) async fn to_account(context: PageContext) -> PageResult {
    context.redirect(paths::ACCOUNT)
}

/// The page with the problems of a form.
async fn invalid(form: &Form<Panel>, name: String) -> PageResult {
    let page = page(&form.panel, form.errors(), name).await?;
    form.panel.invalid(&page)
}

/// `POST /admin/account/profile`. **Permissions**: administrators and auditors. 303, 422.
pub(crate) async fn update_profile(mut form: Form<Panel>) -> PageResult {
    let Some(name) = form.required("name", Name::parse) else {
        let name = form.text("name").to_owned();
        return invalid(&form, name).await;
    };
    let panel = &form.panel;
    own_account::rename(panel.services(), &panel.actor(), panel.viewer(), name).await?;
    panel.redirect_ok(paths::ACCOUNT, panel.t("account.saved"))
}

/// `POST /admin/account/preferences`. **Permissions**: administrators and auditors. 303, 422.
pub(crate) async fn update_preferences(mut form: Form<Panel>) -> PageResult {
    let language = form.optional("language", |tag| {
        Language::from_tag(tag).ok_or(Problem::NotOneOf(&["en", "ko"]))
    });
    let theme = form.required("theme", |word| {
        Theme::from_word(word).ok_or(Problem::NotOneOf(Theme::NAMES))
    });
    let time_zone = form.optional("time_zone", parse_time_zone);
    let (false, Some(theme)) = (form.has_problems(), theme) else {
        let name = form.panel.viewer().account.name.clone();
        return invalid(&form, name).await;
    };
    let wanted = Preferences {
        language,
        theme,
        time_zone,
    };
    let panel = &form.panel;
    own_account::prefer(panel.services(), panel.actor(), panel.viewer(), wanted).await?;
    // In the language that was just chosen.
    let language = language.unwrap_or(panel.context.language);
    let text = texts::tr(language, "account.saved");
    panel.redirect_ok(paths::ACCOUNT, text)
}

/// `POST /admin/account/password`: an account with a second factor also needs a recent proof by it. **Permissions**: administrators
/// and auditors. 303, 422, 429 (after too many wrong passwords).
pub(in crate::http) async fn update_password(
    mut form: Form<Panel>,
    shown: PresentedDevice,
) -> PageResult {
    let current = form.required(CURRENT_PASSWORD, Password::parse_presented);
    let new = form.required("password", Password::parse);
    if form.text("repeated") != form.text("password") {
        form.problem("repeated", Problem::PasswordMismatch);
    }
    let name = form.panel.viewer().account.name.clone();
    let (Some(current), Some(new), false) = (current, new, form.has_problems()) else {
        return invalid(&form, name).await;
    };
    let asks_factor = matches!(form.panel.viewer().step_up, StepUp::Factor { .. });
    if asks_factor && !confirmed(&mut form, shown.clone()).await? {
        return invalid(&form, name).await;
    }
    let panel = &form.panel;
    let (login_context, viewer) = (shown.login_context(panel.actor()), panel.viewer());
    let kept = KeptSession::Browser(viewer.session.clone());
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
        form.take(match error {
            Error::Invalid(problems) => problems.renamed(&[("current", CURRENT_PASSWORD)]).into(),
            error => error,
        })?;
        return invalid(&form, name).await;
    }
    let text = form.panel.t("account.password_changed");
    form.panel.redirect_ok(paths::ACCOUNT, text)
}

/// `POST /admin/language`, and `POST /account/language` for pages outside of the panel: the switch in the footer.
/// **Permissions**: anyone. 303, 400.
pub(crate) async fn set_language(form: Form<PageContext>, signed_in: Option<Panel>) -> PageResult {
    let context = &form.panel;
    let language = Language::from_tag(form.text("language")).ok_or(AdminError::Malformed)?;
    let next = form.text("next");
    let page = panel_path(next).or_else(|| owners_path(next));
    let fallback = if self_service::panel_is_here(context.services()) {
        paths::DASHBOARD
    } else {
        paths::FORGOT
    };
    let next = page.unwrap_or(fallback);
    if let Some(panel) = signed_in {
        let viewer = panel.viewer();
        let wanted = Preferences {
            language: Some(language),
            ..viewer.preferences
        };
        own_account::prefer(panel.services(), panel.actor(), viewer, wanted).await?;
    }
    // The cookie applies to pages without a session.
    let year = std::time::Duration::from_hours(24 * 365);
    let tag = language.tag().to_owned();
    let mut answer = context.redirect_builder(next, None);
    answer.cookie(cookies::set(
        Cookie::Language,
        tag,
        Some(year),
        context.server(),
    ));
    Ok(answer.finish())
}
