//! Every path of the admin panel. A trailing slash is removed before paths are matched.

use std::fmt::Display;

use actix_web::{
    FromRequest, Handler, Resource, Responder, Route, Scope, guard,
    middleware::Compress,
    web::{self, ServiceConfig, scope, to},
};

use crate::domain::principal::UserType;
use crate::http::admin::pages::{
    account, audit, audit_chain, blacklist, dashboard, flush, inspector, jobs, keys, locks, login,
    passkey_login, passkeys, password_links, people, second_factor, second_step, security,
    services, setup, tokens,
};
use crate::http::admin::paths;
use crate::http::admin::web::account_path::Population;
use crate::http::admin::web::error::{AdminError, PageResult};

/// The panel's routes.
pub fn routes(config: &mut ServiceConfig) {
    let panel = scope(paths::DASHBOARD)
        .wrap(Compress::default())
        .default_service(to(not_found));
    let resources = access()
        .into_iter()
        .chain(second_factors())
        .chain(service_pages())
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
            paths::PASSKEYS,
            [get(passkeys::list), post(passkeys::create)],
        ),
        resource(paths::PASSKEY_OPTIONS, [post(passkeys::options)]),
        resource(paths::PASSKEY_PROOF, [post(passkeys::proof_options)]),
        resource(
            paths::passkey("{id}"),
            [get(passkeys::show), post(passkeys::rename)],
        ),
        resource(
            paths::remove_passkey("{id}"),
            [get(passkeys::to_list), post(passkeys::remove)],
        ),
        resource(paths::END_OWN_SESSIONS, [post(account::end_other_sessions)]),
        resource(paths::end_own_session("{id}"), [post(account::end_session)]),
        resource(
            paths::END_OWN_API_SESSIONS,
            [post(account::end_api_sessions)],
        ),
        resource(
            paths::end_own_api_session("{id}"),
            [post(account::end_api_session)],
        ),
        resource(
            paths::setup("{secret}"),
            [get(setup::new_form), post(setup::create)],
        ),
        resource(paths::PASSWORD_SET, [get(password_links::done)]),
        resource(
            paths::password_link("{secret}"),
            [get(password_links::edit_form), post(password_links::update)],
        ),
    ]
}

/// The second step of the sign-in, and the viewer's own second factor.
fn second_factors() -> [Resource; 9] {
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
            [get(second_step::set_up_form), post(second_step::set_up)],
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
            [get(second_factor::to_factors), post(second_factor::remove)],
        ),
        resource(
            paths::RECOVERY_CODES,
            [
                get(second_factor::to_factors),
                post(second_factor::new_codes),
            ],
        ),
    ]
}

fn service_pages() -> Vec<Resource> {
    let number = "{number:\\d+}";
    vec![
        resource(paths::SERVICES, [get(services::list)]),
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
        resource(paths::activate_service(number), [post(services::activate)]),
        resource(
            paths::deactivate_service(number),
            [post(services::deactivate)],
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
        resource(paths::TOKENS, [get(tokens::list)]),
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
        resource(paths::FLUSH, [post(flush::start)]),
        resource(paths::job("{id}"), [get(jobs::show)]),
        resource(paths::stop_job("{id}"), [post(jobs::stop)]),
        resource(
            paths::INSPECTOR,
            [get(inspector::new_form), post(inspector::inspect)],
        ),
        resource(paths::LOCKS, [get(locks::list)]),
        resource(paths::LIFT_LOCK, [post(locks::lift)]),
        resource(paths::AUDIT, [get(audit::list)]),
        resource(paths::AUDIT_EXPORT, [get(audit::export)]),
        resource(
            paths::AUDIT_CHAIN,
            [get(audit_chain::show), post(audit_chain::verify)],
        ),
        resource(paths::audit_event("{id}"), [get(audit::show)]),
        resource(paths::SECURITY, [get(security::show)]),
    ]
}

/// The keys that sign tokens.
fn signing_keys() -> [Resource; 5] {
    [
        resource(paths::KEYS, [get(keys::list)]),
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
        resource(person.deactivate(), [post(people::show::deactivate)]),
        resource(person.end_sessions(), [post(people::show::end_sessions)]),
        resource(
            person.end_session("{id}"),
            [post(people::show::end_session)],
        ),
        resource(
            person.password_link(),
            [get(password_links::confirm), post(password_links::create)],
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
        let end = person.end_browser_session("{id}");
        resources.push(resource(end, [post(people::show::end_browser_session)]));
    }
    let with_population = move |resource: Resource| resource.app_data(Population(user_type));
    resources.into_iter().map(with_population)
}

/// A path of the panel, with its methods; any other method is 405.
fn resource<const N: usize>(path: impl Display, routes: [Route; N]) -> Resource {
    let path = path.to_string();
    let in_scope = path.strip_prefix(paths::DASHBOARD).unwrap_or(&path);
    routes
        .into_iter()
        .fold(web::resource(in_scope), Resource::route)
}

fn get<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::route().guard(read).to(handler)
}

fn post<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::post().to(handler)
}

/// The response where no route matches.
async fn not_found() -> PageResult {
    Err(AdminError::NotFound)
}
