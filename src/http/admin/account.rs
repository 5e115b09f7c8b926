//! The viewer's own account: his name, how the panel looks to him, his password, his sessions in the panel. Auditors too:
//! these things are their own.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    web::{self, Path, ServiceConfig},
};
use askama::Template;
use chrono_tz::{TZ_VARIANTS, Tz};

use super::{
    Answer, agents,
    cookies::{self, Name as CookieName},
    error::AdminError,
    form::{FieldErrors, Form},
    frame::own_path,
    layout::Layout,
    notice::Notice,
    panel::Panel,
    setup::new_password,
    visitor::Visitor,
};
use crate::{
    clock::Timestamp,
    domain::{
        account::Name,
        language::Language,
        password::Password,
        preferences::{Preferences, Theme, parse_time_zone},
        problem::Problem,
        session::BrowserSessionId,
    },
    services::{
        browser_sessions, own_account,
        users::{self, UserChanges},
    },
};

pub(super) fn routes(config: &mut ServiceConfig) {
    // Who comes back to the address of a form that was refused finds the page.
    let post = |path: &str| web::resource(path.to_owned()).route(web::get().to(back));
    config
        .service(
            web::resource("/account")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        )
        .service(post("/account/name").route(web::post().to(rename)))
        .service(post("/account/preferences").route(web::post().to(put_preferences)))
        .service(post("/account/password").route(web::post().to(change_password)))
        .service(post("/account/sessions/end").route(web::post().to(end_others)))
        .service(post("/account/sessions/{id}/end").route(web::post().to(end_session)))
        .service(post("/language").route(web::post().to(choose_language)));
}

const PAGE: &str = "/admin/account";

/// A session in the panel.
struct SessionView {
    id: BrowserSessionId,
    device: String,
    user_agent: String,
    ip_address: String,
    created_at: Timestamp,
    last_used_at: Timestamp,
    is_this: bool,
}

/// The zones of a part of the world.
struct Region {
    name: &'static str,
    zones: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "admin/account/show.html")]
struct AccountPage {
    l: Layout,
    errors: FieldErrors,
    name: String,
    email: String,
    language: String,
    theme: String,
    time_zone: String,
    regions: Vec<Region>,
    now: Timestamp,
    min_length: usize,
    sessions: Vec<SessionView>,
}

/// The page with what is stored; a form that is shown again puts in what was typed.
async fn account_page(panel: &Panel) -> Result<AccountPage, AdminError> {
    let viewer = panel.viewer();
    let user_seq = viewer.account.principal.user_seq;
    let rows = browser_sessions::list(panel.services(), user_seq).await?;
    let sessions = rows.into_iter().map(|row| SessionView {
        is_this: row.id == viewer.session,
        device: row
            .user_agent
            .as_deref()
            .map_or_else(String::new, agents::device),
        id: row.id,
        user_agent: row.user_agent.unwrap_or_default(),
        ip_address: row.ip_address.unwrap_or_default(),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
    });
    let preferences = viewer.preferences;
    let tag = |language: Language| language.tag().to_owned();
    let time_zone = preferences.time_zone.map(Tz::name).unwrap_or_default();
    Ok(AccountPage {
        l: panel.layout("account"),
        errors: FieldErrors::default(),
        name: viewer.account.name.clone(),
        email: viewer.account.email.clone().unwrap_or_default(),
        language: preferences.language.map_or_else(String::new, tag),
        theme: preferences.theme.to_string(),
        regions: regions(time_zone),
        time_zone: time_zone.to_owned(),
        now: panel.now(),
        min_length: panel.services().config.login.min_password_length,
        sessions: sessions.collect(),
    })
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

/// The zones to choose from, by parts of the world; `chosen` among them even if it is an old name.
fn regions(chosen: &'static str) -> Vec<Region> {
    let zones_of = |region: &str| {
        let zones = TZ_VARIANTS.iter().map(|zone| zone.name());
        let inside = |zone: &&str| zone.split_once('/').is_some_and(|(part, _)| part == region);
        zones.filter(inside).collect()
    };
    let mut regions: Vec<Region> = WORLD
        .iter()
        .map(|region| Region {
            name: region,
            zones: zones_of(region),
        })
        .collect();
    let mut others = vec!["UTC"];
    let is_there = regions.iter().any(|region| region.zones.contains(&chosen));
    if !chosen.is_empty() && chosen != "UTC" && !is_there {
        others.push(chosen);
    }
    regions.insert(
        0,
        Region {
            name: "UTC",
            zones: others,
        },
    );
    regions
}

/// `GET /admin/account`. **Permissions**: whoever is signed in. 200.
async fn show(panel: Panel) -> Answer {
    panel.page(&account_page(&panel).await?)
}

/// `GET` where a form is sent to. **Permissions**: anybody. 303.
async fn back(visitor: Visitor) -> Answer {
    visitor.redirect(PAGE)
}

fn done(panel: &Panel, key: &str) -> Answer {
    panel.redirect_with(PAGE, &Notice::ok(panel.t(key)))
}

/// The page again with what is wrong with a form.
async fn again(form: &Form<Panel>, change: impl FnOnce(&mut AccountPage)) -> Answer {
    let mut page = account_page(&form.panel).await?;
    page.errors = form.errors();
    change(&mut page);
    form.panel.refused(&page)
}

/// `POST /admin/account/name`. **Permissions**: whoever is signed in. 303, 422.
async fn rename(mut form: Form<Panel>) -> Answer {
    let Some(name) = form.required("name", Name::parse) else {
        let typed = form.text("name").to_owned();
        return again(&form, |page| page.name = typed).await;
    };
    let panel = &form.panel;
    let user_seq = panel.viewer().account.principal.user_seq;
    let changes = UserChanges {
        name: Some(name),
        ..UserChanges::default()
    };
    users::update(panel.services(), &panel.actor(), user_seq, changes).await?;
    done(panel, "account.name_saved")
}

/// `POST /admin/account/preferences`. **Permissions**: whoever is signed in. 303, 422.
async fn put_preferences(mut form: Form<Panel>) -> Answer {
    let one_of = |names| move |_: &str| Problem::NotOneOf(names);
    let language = form.optional("language", |tag| {
        Language::from_tag(tag).ok_or_else(|| one_of(&["en", "ko"])(tag))
    });
    let theme = form.required("theme", |word| {
        Theme::from_word(word).ok_or_else(|| one_of(Theme::NAMES)(word))
    });
    let time_zone = form.optional("time_zone", parse_time_zone);
    let (Some(theme), false) = (theme, form.has_problems()) else {
        return again(&form, |_| ()).await;
    };
    let wanted = Preferences {
        language,
        theme,
        time_zone,
    };
    let panel = &form.panel;
    own_account::put_preferences(panel.services(), panel.actor(), panel.viewer(), wanted).await?;
    let language = language.unwrap_or(panel.context.language);
    let notice = super::layout::words(language, "account.preferences_saved");
    panel.redirect_with(PAGE, &Notice::ok(notice))
}

/// `POST /admin/account/password`. **Permissions**: whoever is signed in. 303, 422.
async fn change_password(mut form: Form<Panel>) -> Answer {
    let current = form.required("current", Password::parse);
    let new = new_password(&mut form);
    if let (Some(current), Some(new)) = (current, new) {
        let panel = &form.panel;
        let (services, viewer) = (panel.services(), panel.viewer());
        let changed =
            own_account::change_password(services, panel.actor(), viewer, current, new).await;
        match changed {
            Ok(()) => return done(panel, "account.password_changed"),
            Err(error) => form.take(error)?,
        }
    }
    again(&form, |_| ()).await
}

/// `POST /admin/account/sessions/end`. **Permissions**: whoever is signed in; the session he is in stays. 303.
async fn end_others(form: Form<Panel>) -> Answer {
    let panel = &form.panel;
    let ended = own_account::end_others(panel.services(), panel.actor(), panel.viewer()).await?;
    if ended {
        done(panel, "account.others_ended")
    } else {
        panel.redirect_with(PAGE, &Notice::warn(panel.t("account.no_others")))
    }
}

/// `POST /admin/account/sessions/{id}/end`. **Permissions**: whoever is signed in, for his own sessions. 303, 404.
async fn end_session(form: Form<Panel>, id: Path<String>) -> Answer {
    let panel = &form.panel;
    let id = BrowserSessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let (actor, owner) = (panel.actor(), &panel.viewer().account);
    let ended = browser_sessions::end(panel.services(), actor, owner, id).await?;
    if ended {
        done(panel, "account.session_ended")
    } else {
        panel.redirect_with(PAGE, &Notice::warn(panel.t("account.session_gone")))
    }
}

/// How long a browser keeps the language that a visitor chose.
const A_YEAR: Duration = Duration::from_hours(24 * 365);

/// `POST /admin/language`. **Permissions**: anybody; whoever is signed in chooses for all of his browsers. 303 back to the
/// page he was on, an own one.
async fn choose_language(form: Form<Visitor>, signed_in: Option<Panel>) -> Answer {
    let language = Language::from_tag(form.text("language")).ok_or(AdminError::Malformed)?;
    let to = own_path(form.text("next")).unwrap_or("/admin");
    if let Some(panel) = signed_in {
        let wanted = Preferences {
            language: Some(language),
            ..panel.viewer().preferences
        };
        let (services, viewer) = (panel.services(), panel.viewer());
        own_account::put_preferences(services, panel.actor(), viewer, wanted).await?;
        return panel.redirect(to);
    }
    let is_https = cookies::is_https(form.panel.services());
    let tag = language.tag().to_owned();
    let cookie = cookies::set(CookieName::Language, tag, Some(A_YEAR), is_https);
    let answer: HttpResponse = form.panel.redirecting(to, None).cookie(cookie).finish();
    Ok(answer)
}
