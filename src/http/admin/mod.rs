//! The browser door: every route of the panel on one screen, what each page is made of, and one file per noun.
//!
//! A page is an askama struct beside its handler with its template of the same name in `templates/admin`. Who is signed
//! in, and whether he may change anything, is an extractor ([`panel`]); a form that was not sent by our own page is none
//! ([`form`]). Everything works without JavaScript.

mod account;
mod agent;
pub(super) mod assets;
mod audit;
mod blacklist;
mod bulk;
mod chart;
mod claims;
mod clients;
mod clients_form;
mod clients_person;
mod cookies;
mod csrf;
mod csv;
mod dashboard;
pub(super) mod error;
mod events;
mod filters;
mod flush;
mod form;
mod frame;
#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzzing;
mod inspector;
mod jobs;
mod layout;
mod links;
mod lists;
mod locks;
mod login;
mod meanwhile;
mod moment;
mod notice;
mod owners;
mod panel;
mod people_list;
mod person;
mod proof;
mod security;
mod setup;
mod tokens;
mod users;
mod users_form;
mod users_person;
mod visitor;

use actix_web::{
    HttpRequest, HttpResponse,
    middleware::Compress,
    web::{self, ServiceConfig},
};

use super::origin::is_https;
use crate::{domain::language::Language, services::Services};

use error::AdminError;

/// What a page's handler gives.
type Answer = Result<HttpResponse, AdminError>;

/// The panel's routes; one line per noun.
pub(super) fn routes(config: &mut ServiceConfig) {
    let panel = web::scope("/admin")
        .wrap(Compress::default())
        .configure(dashboard::routes)
        .configure(account::routes)
        .configure(login::routes)
        .configure(setup::routes)
        .configure(links::routes)
        .configure(bulk::routes)
        .configure(users::routes)
        .configure(clients::routes)
        // Before what stands for any event.
        .configure(proof::routes)
        .configure(audit::routes)
        .configure(tokens::routes)
        .configure(blacklist::routes)
        .configure(flush::routes)
        .configure(jobs::routes)
        .configure(inspector::routes)
        .configure(users_form::routes)
        .configure(users_person::routes)
        .configure(clients_form::routes)
        .configure(clients_person::routes)
        .configure(person::routes)
        .configure(locks::routes)
        .configure(security::routes)
        .default_service(web::to(not_found));
    config.service(panel);
}

/// The language that a browser chose at the panel's door.
pub(super) fn chosen_language(request: &HttpRequest, services: &Services) -> Option<Language> {
    let tag = cookies::read(request, cookies::Name::Language, is_https(services))?;
    Language::from_tag(&tag)
}

/// What answers where no page is.
async fn not_found() -> Answer {
    Err(AdminError::NotFound)
}
