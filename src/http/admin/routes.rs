//! Every path of the admin panel, and of the pages for owners of accounts. A trailing slash is removed before paths are matched.

use actix_web::{
    Resource, Scope,
    middleware::{Compress, from_fn},
    web::{ServiceConfig, scope, to},
};

use crate::domain::principal::UserType;
use crate::http::admin::pages::{
    account, audit, audit_chain, blacklist, dashboard, email_links, flush, forgot, inspector,
    job_list, jobs, key_export, keys, link_withdrawal, locks, login, own_email, own_sessions,
    passkey_login, passkeys, password_links, people, saved_views, search, second_factor,
    second_step, security, services, session, session_bulk, sessions, set_up_step, setup,
    token_list, tokens,
};
use crate::http::admin::paths;
use crate::http::admin::web::account_path::Population;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::resource::{get, post, resource};
use crate::http::admin::webhook_routes;

/// The panel's routes.
pub fn routes(config: &mut ServiceConfig) {
    let panel = scope(paths::DASHBOARD)
        .wrap(from_fn(people::gone::page_of_deleted))
        .wrap(Compress::default())
        .default_service(to(no_page));
    let resources = access()
        .into_iter()
        .chain(second_factors())
        .chain(service_pages())
        .chain(webhook_routes::pages())
        .chain(tokens_and_logs())
        .chain(signing_keys())
        .chain(people(UserType::User))
        .chain(people(UserType::Client));
    config.service(resources.fold(panel, Scope::service));
}

/// Sign-in, the viewer's own account, one-time links.
fn access() -> Vec<Resource> {
    vec![
        resource(paths::DASHBOARD, [get(dashboard::show)]),
        resource(paths::LOGIN, [get(login::new_form), post(login::sign_in)]),
        resource(
            paths::PASSKEY_LOGIN,
            [get(passkey_login::to_login), post(passkey_login::sign_in)],
        ),
        resource(paths::PASSKEY_LOGIN_OPTIONS, [post(passkey_login::options)]),
        resource(paths::LOGOUT, [post(login::sign_out)]),
        resource(paths::LANGUAGE, [post(account::set_language)]),
        resource(paths::ACCOUNT, [get(account::show)]),
        // The page of a refused form has the form's address: a reload leads back to the account.
        resource(
            paths::PROFILE,
            [get(account::to_account), post(account::update_profile)],
        ),
        resource(
            paths::PREFERENCES,
            [get(account::to_account), post(account::update_preferences)],
        ),
        resource(
            paths::PASSWORD,
            [get(account::to_account), post(account::update_password)],
        ),
        resource(
            paths::OWN_EMAIL,
            [get(own_email::edit_form), post(own_email::update)],
        ),
        resource(
            paths::PASSKEYS,
            [get(passkeys::list), post(passkeys::create)],
        ),
        resource(paths::PASSKEYS_EXPORT, [get(passkeys::export)]),
        resource(paths::PASSKEY_OPTIONS, [post(passkeys::options)]),
        resource(paths::PASSKEY_PROOF, [post(passkeys::proof_options)]),
        resource(
            paths::passkey("{id}"),
            [get(passkeys::show), post(passkeys::rename)],
        ),
        resource(
            paths::remove_passkey("{id}"),
            [get(passkeys::confirm_removal), post(passkeys::remove)],
        ),
        resource(
            paths::END_OWN_SESSIONS,
            [
                get(own_sessions::confirm_end_others),
                post(own_sessions::end_others),
            ],
        ),
        resource(
            paths::end_own_session("{id}"),
            [get(own_sessions::confirm_end), post(own_sessions::end)],
        ),
        resource(
            paths::END_OWN_API_SESSIONS,
            [
                get(own_sessions::confirm_end_all_api),
                post(own_sessions::end_all_api),
            ],
        ),
        resource(
            paths::end_own_api_session("{id}"),
            [
                get(own_sessions::confirm_end_api),
                post(own_sessions::end_api),
            ],
        ),
        resource(
            paths::setup("{secret}"),
            [get(setup::new_form), post(setup::create)],
        ),
        resource(
            paths::former_password_link("{secret}"),
            [get(password_links::moved), post(password_links::update)],
        ),
    ]
}

/// The pages for owners of accounts: they need no session, and are on the main listener in any case.
pub fn owner_routes(config: &mut ServiceConfig) {
    let pages = scope(paths::OWNERS)
        .wrap(Compress::default())
        .default_service(to(not_found));
    let resources = [
        resource(paths::OWNERS_LANGUAGE, [post(account::set_language)]),
        resource(paths::FORGOT, [get(forgot::new_form), post(forgot::create)]),
        resource(paths::FORGOT_SENT, [get(forgot::sent)]),
        resource(paths::PASSWORD_SET, [get(password_links::done)]),
        resource(
            paths::password_link("{secret}"),
            [get(password_links::edit_form), post(password_links::update)],
        ),
        resource(paths::EMAIL_CONFIRMED, [get(email_links::done)]),
        resource(
            paths::confirm_email("{secret}"),
            [get(email_links::show), post(email_links::confirm)],
        ),
    ];
    config.service(resources.into_iter().fold(pages, Scope::service));
}

/// The second step of the sign-in, and the viewer's own second factor.
fn second_factors() -> [Resource; 11] {
    [
        resource(
            paths::SECOND_STEP,
            [get(second_step::code_form), post(second_step::prove)],
        ),
        resource(
            paths::PASSKEY_STEP,
            [
                get(second_step::to_code_form),
                post(second_step::prove_passkey),
            ],
        ),
        resource(
            paths::PASSKEY_STEP_OPTIONS,
            [post(second_step::passkey_options)],
        ),
        resource(
            paths::SET_UP_STEP,
            [get(set_up_step::show), post(set_up_step::confirm_totp)],
        ),
        resource(
            paths::SET_UP_PASSKEY,
            [get(set_up_step::to_form), post(set_up_step::add_passkey)],
        ),
        resource(
            paths::SET_UP_PASSKEY_OPTIONS,
            [post(set_up_step::passkey_options)],
        ),
        resource(paths::SECOND_FACTOR, [get(second_factor::show)]),
        resource(
            paths::TOTP,
            [get(second_factor::totp_form), post(second_factor::begin)],
        ),
        // The page of a refused form has the form's address: a reload leads back to the second factor.
        resource(
            paths::CONFIRM_TOTP,
            [get(second_factor::to_factors), post(second_factor::confirm)],
        ),
        resource(
            paths::REMOVE_TOTP,
            [
                get(second_factor::confirm_removal),
                post(second_factor::remove),
            ],
        ),
        resource(
            paths::RECOVERY_CODES,
            [
                get(second_factor::confirm_new_codes),
                post(second_factor::new_codes),
            ],
        ),
    ]
}

fn service_pages() -> Vec<Resource> {
    let number = "{number:\\d+}";
    vec![
        resource(paths::SERVICES, [get(services::list)]),
        resource(paths::SERVICES_EXPORT, [get(services::export)]),
        resource(
            paths::NEW_SERVICE,
            [get(services::new_form), post(services::create)],
        ),
        resource(
            paths::service(number),
            [get(services::show), post(services::update)],
        ),
        resource(
            paths::service_secret(number),
            [get(services::confirm_secret), post(services::rotate_secret)],
        ),
        resource(
            paths::shown_service_secret(number),
            [get(services::show_secret)],
        ),
        resource(paths::activate_service(number), [post(services::activate)]),
        resource(
            paths::deactivate_service(number),
            [
                get(services::confirm_deactivation),
                post(services::deactivate),
            ],
        ),
        resource(
            paths::delete_service(number),
            [get(services::confirm_delete), post(services::delete)],
        ),
    ]
}

/// Tokens, jobs, locks, the audit log, the security checklist.
fn tokens_and_logs() -> Vec<Resource> {
    vec![
        resource(paths::SEARCH, [get(search::show)]),
        resource(paths::SUGGESTIONS, [get(search::suggest)]),
        resource(paths::VIEWS, [post(saved_views::save)]),
        resource(paths::DELETE_VIEW, [post(saved_views::delete)]),
        resource(paths::SESSIONS, [get(sessions::list)]),
        resource(paths::SESSIONS_EXPORT, [get(sessions::export)]),
        resource(paths::END_SESSIONS, [post(session_bulk::start)]),
        resource(paths::session("{id}"), [get(session::show)]),
        resource(paths::TOKENS, [get(token_list::list)]),
        resource(paths::TOKENS_EXPORT, [get(token_list::export)]),
        resource(paths::token("{jti}"), [get(tokens::show)]),
        resource(
            paths::blacklist_token("{jti}"),
            [get(tokens::confirm_blacklist), post(tokens::blacklist)],
        ),
        resource(
            paths::end_session_of_token("{jti}"),
            [get(tokens::confirm_end_session), post(tokens::end_session)],
        ),
        resource(paths::BLACKLIST, [get(blacklist::list)]),
        resource(paths::BLACKLIST_EXPORT, [get(blacklist::export)]),
        resource(paths::FLUSH, [post(flush::start)]),
        resource(paths::JOBS, [get(job_list::list)]),
        resource(paths::JOBS_EXPORT, [get(job_list::export)]),
        resource(paths::job("{id}"), [get(jobs::show)]),
        resource(paths::stop_job("{id}"), [post(jobs::stop)]),
        resource(
            paths::INSPECTOR,
            [get(inspector::new_form), post(inspector::inspect)],
        ),
        resource(paths::LOCKS, [get(locks::list)]),
        resource(paths::LOCKS_EXPORT, [get(locks::export)]),
        resource(paths::LIFT_LOCK, [post(locks::lift)]),
        resource(paths::AUDIT, [get(audit::list)]),
        resource(paths::AUDIT_EXPORT, [get(audit::export)]),
        resource(
            paths::AUDIT_CHAIN,
            [get(audit_chain::show), post(audit_chain::verify)],
        ),
        resource(paths::audit_event("{id}"), [get(audit::show)]),
        resource(paths::SECURITY, [get(security::show)]),
        resource(paths::TEST_MAIL, [post(security::send_test_mail)]),
    ]
}

/// The keys that sign tokens.
fn signing_keys() -> [Resource; 6] {
    [
        resource(paths::KEYS, [get(keys::list)]),
        resource(paths::KEYS_EXPORT, [get(key_export::export)]),
        resource(paths::NEW_KEY, [get(keys::new_form), post(keys::create)]),
        resource(
            paths::promote_key("{kid}"),
            [get(keys::confirm_promote), post(keys::promote)],
        ),
        resource(
            paths::retire_key("{kid}"),
            [get(keys::confirm_retire), post(keys::retire)],
        ),
        resource(
            paths::revoke_key("{kid}"),
            [get(keys::confirm_revoke), post(keys::revoke)],
        ),
    ]
}

/// The routes of a population: the same for both.
fn people(user_type: UserType) -> impl Iterator<Item = Resource> {
    let list = paths::people(user_type);
    let person = list.person("{seq:\\d+}");
    let mut resources = vec![
        resource(list, [get(people::list::list)]),
        resource(list.export(), [get(people::list::export)]),
        resource(list.actions(), [post(people::bulk::start)]),
        resource(
            list.new_form(),
            [get(people::form::new_form), post(people::form::create)],
        ),
        resource(&person, [get(people::show::show)]),
        resource(
            person.edit(),
            [get(people::form::edit_form), post(people::form::update)],
        ),
        resource(
            person.delete(),
            [get(people::delete::confirm), post(people::delete::delete)],
        ),
        resource(
            person.activate(),
            [
                get(people::show::confirm_activation),
                post(people::show::activate),
            ],
        ),
        resource(
            person.deactivate(),
            [
                get(people::cut_off::confirm_deactivation),
                post(people::cut_off::deactivate),
            ],
        ),
        resource(
            person.end_sessions(),
            [
                get(people::cut_off::confirm_end_all),
                post(people::cut_off::end_sessions),
            ],
        ),
        resource(
            person.end_session("{id}"),
            [
                get(people::cut_off::confirm_end),
                post(people::cut_off::end_session),
            ],
        ),
        resource(
            person.password_link(),
            [get(password_links::confirm), post(password_links::create)],
        ),
        resource(person.shown_link(), [get(password_links::show)]),
        resource(
            person.withdraw_link(),
            [
                get(link_withdrawal::confirm),
                post(link_withdrawal::withdraw),
            ],
        ),
        resource(
            person.second_factor(),
            [
                get(people::second_factor::confirm),
                post(people::second_factor::remove),
            ],
        ),
        resource(person.unlock(), [post(locks::lift_account)]),
    ];
    if user_type == UserType::User {
        resources.push(resource(
            person.end_browser_session("{id}"),
            [
                get(people::cut_off::confirm_end_browser),
                post(people::cut_off::end_browser_session),
            ],
        ));
    }
    let with_population = move |resource: Resource| resource.app_data(Population(user_type));
    resources.into_iter().map(with_population)
}

/// The response where no route of the panel matches; within the panel for a signed-in viewer.
async fn no_page(_: Option<Panel>) -> PageResult {
    Err(AdminError::NotFound)
}

/// The response where no route of the pages for owners of accounts matches.
async fn not_found() -> PageResult {
    Err(AdminError::NotFound)
}
