//! Every endpoint of the API: method, path, caller, handler, and the inputs it reads.

use actix_web::{
    HttpRequest, Resource, guard,
    web::{self, to},
};

use crate::http::api::endpoint::Access::{
    Administrator, Anyone, Bearer, BearerOrRefresh, Internal,
};
use crate::http::api::endpoint::Method::{self, Delete, Get, Patch, Post};
use crate::http::api::endpoint::{Endpoint, OfPath};
use crate::http::api::fallback::other_method;
use crate::http::api::inputs::{
    CHALLENGE, CODE, CURRENT_PASSWORD, EMAIL, EMAIL_IDENTIFIER, IDENTIFIER, IS_ACTIVE,
    KEEP_CURRENT, NAME, NEW_PASSWORD, PAGE, PAGE_SIZE, PASSWORD, PHONE, ROLE, SEARCH, TOKEN,
    USER_TYPE, USERNAME,
};
use crate::http::api::refresh_transport::{REFRESH, TRANSPORT};
use crate::http::api::{account, auth, client_users, health, me, otp, sessions, users};

/// All endpoints; those of one path are neighbours.
#[rustfmt::skip]
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new(Post, "/auth/login", Anyone, "Logs in by password", || to(auth::log_in))
        .body(&[IDENTIFIER.alternative(), EMAIL_IDENTIFIER.alternative(), PASSWORD.required(), USER_TYPE.optional(),
                TRANSPORT.optional()]),
    Endpoint::new(Post, "/auth/refresh", Anyone, "Exchanges a refresh token for new tokens", || to(auth::refresh))
        .body(&[REFRESH.unless_cookie()]),
    Endpoint::new(Post, "/auth/logout", BearerOrRefresh, "Ends a session", || to(auth::log_out))
        .body(&[REFRESH.unless_cookie()]),
    Endpoint::new(Post, "/auth/logout-all", Bearer, "Ends all sessions of the caller", || to(auth::log_out_all))
        .body(&[KEEP_CURRENT.optional()]),
    Endpoint::new(Post, "/auth/verify", Anyone, "Verifies a token and returns its claims", || to(auth::verify))
        .body(&[TOKEN.required()]),
    Endpoint::new(Get, "/auth/sessions", Bearer, "Lists the caller's sessions", || to(sessions::list)),
    Endpoint::new(Delete, "/auth/sessions/{id}", Bearer, "Ends one of the caller's sessions", || to(sessions::end)),
    Endpoint::new(Post, "/auth/password", Bearer, "Changes the caller's password", || to(account::change_password))
        .body(&[CURRENT_PASSWORD.required(), NEW_PASSWORD.required()]),
    Endpoint::new(Post, "/clients/otp/request", Anyone, "Sends a client a one-time code", || to(otp::request))
        .body(&[IDENTIFIER.required()]),
    Endpoint::new(Post, "/clients/otp/verify", Anyone, "Logs in by one-time code", || to(otp::verify))
        .body(&[CHALLENGE.required(), CODE.required(), TRANSPORT.optional()]),
    Endpoint::new(Get, "/api/me", Bearer, "Returns the caller's account", || to(me::show)),
    Endpoint::new(Get, "/api/users", Internal, "Lists internal users", || to(users::list))
        .query(&[PAGE.optional(), PAGE_SIZE.optional(), SEARCH.optional(), ROLE.optional(), IS_ACTIVE.optional(),
                 users::ORDERING.optional()]),
    Endpoint::new(Post, "/api/users", Administrator, "Creates an internal user", || to(users::create))
        .strict_body(&[EMAIL.required(), NAME.required(), ROLE.optional(), PASSWORD.required(), IS_ACTIVE.optional(),
                       CURRENT_PASSWORD.optional()]),
    Endpoint::new(Get, "/api/users/{user_seq}", Internal, "Returns an internal user", || to(users::show)),
    Endpoint::new(Patch, "/api/users/{user_seq}", Administrator, "Changes an internal user", || to(users::update))
        .strict_body(&[EMAIL.optional(), NAME.optional(), ROLE.optional(), PASSWORD.optional(), IS_ACTIVE.optional(),
                       CURRENT_PASSWORD.optional()]),
    Endpoint::new(Delete, "/api/users/{user_seq}", Administrator, "Deletes an internal user", || to(users::delete)),
    Endpoint::new(Get, "/api/clients", Internal, "Lists clients", || to(client_users::list))
        .query(&[PAGE.optional(), PAGE_SIZE.optional(), SEARCH.optional(), IS_ACTIVE.optional(),
                 client_users::ORDERING.optional()]),
    Endpoint::new(Post, "/api/clients", Administrator, "Creates a client", || to(client_users::create))
        .strict_body(&[USERNAME.required(), NAME.optional(), EMAIL.nullable(), PHONE.nullable(), PASSWORD.optional(),
                       IS_ACTIVE.optional()]),
    Endpoint::new(Get, "/api/clients/{user_seq}", Internal, "Returns a client", || to(client_users::show)),
    Endpoint::new(Patch, "/api/clients/{user_seq}", Administrator, "Changes a client", || to(client_users::update))
        .strict_body(&[USERNAME.optional(), NAME.optional(), EMAIL.nullable(), PHONE.nullable(), PASSWORD.nullable(),
                       IS_ACTIVE.optional(), CURRENT_PASSWORD.optional()]),
    Endpoint::new(Delete, "/api/clients/{user_seq}", Administrator, "Deletes a client", || to(client_users::delete)),
    Endpoint::new(Get, "/healthz", Anyone, "Whether the process answers", || to(health::alive)),
    Endpoint::new(Get, "/readyz", Anyone, "Whether the database answers", || to(health::ready)),
];

/// Registers all endpoints. The outer middleware has removed a trailing slash of the path.
pub(in crate::http) fn routes(config: &mut web::ServiceConfig) {
    for of_path in ENDPOINTS.chunk_by(|one, next| one.path == next.path) {
        config.service(resource(of_path[0].path, of_path));
    }
}

/// A path with its methods. Every other method is answered `405` with `Allow`, and `OPTIONS` `204` with `Allow`.
fn resource(path: &str, endpoints: &'static [Endpoint]) -> Resource {
    let accepted = endpoints
        .iter()
        .flat_map(|endpoint| endpoint.method.accepted());
    let mut allow: Vec<&str> = accepted.map(actix_web::http::Method::as_str).collect();
    allow.push("OPTIONS");
    let allow = allow.join(", ");
    let mut resource = web::resource(path).app_data(OfPath(endpoints));
    for endpoint in endpoints {
        let route = (endpoint.route)();
        resource = resource.route(match endpoint.method {
            Method::Get => route.guard(guard::Any(guard::Get()).or(guard::Head())),
            Method::Post => route.guard(guard::Post()),
            Method::Patch => route.guard(guard::Patch()),
            Method::Delete => route.guard(guard::Delete()),
        });
    }
    resource.default_service(to(move |request: HttpRequest| {
        std::future::ready(other_method(&request, allow.clone()))
    }))
}
