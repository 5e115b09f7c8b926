//! Every path of the admin panel.

use actix_web::{
    middleware::Compress,
    web::{ServiceConfig, scope, to},
};

use crate::http::admin::{
    pages::{
        account, audit, blacklist, bulk, client_users, client_users_form, client_users_person,
        dashboard, flush, inspector, jobs, links, locks, login, person, proof, security, setup,
        tokens, users, users_form, users_person,
    },
    web::error::{AdminError, PageResult},
};

/// The panel's routes; one line per noun.
pub fn routes(config: &mut ServiceConfig) {
    let panel = scope("/admin")
        .wrap(Compress::default())
        .configure(dashboard::routes)
        .configure(account::routes)
        .configure(login::routes)
        .configure(setup::routes)
        .configure(links::routes)
        .configure(bulk::routes)
        .configure(users::routes)
        .configure(client_users::routes)
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
        .configure(client_users_form::routes)
        .configure(client_users_person::routes)
        .configure(person::routes)
        .configure(locks::routes)
        .configure(security::routes)
        .default_service(to(not_found));
    config.service(panel);
}

/// What answers where no page is.
async fn not_found() -> PageResult {
    Err(AdminError::NotFound)
}
