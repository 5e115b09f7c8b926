//! The links of OpenAPI: which operation uses a value of an answer. Tools follow them to call operations in a sensible
//! order.

use serde_json::{Map, Value, json};

use crate::http::api::endpoint::{Endpoint, Method};
use crate::http::openapi::names::operation_id;

/// A value of an answer that another operation reads.
struct Link {
    from: (Method, &'static str),
    to: (Method, &'static str),
    input: Input,
    /// The value's place in the answer, a JSON pointer below the body.
    value: &'static str,
}

/// Where the other operation reads the value.
enum Input {
    Path(&'static str),
    Body(&'static str),
}

const fn link(
    from: (Method, &'static str),
    to: (Method, &'static str),
    input: Input,
    value: &'static str,
) -> Link {
    Link {
        from,
        to,
        input,
        value,
    }
}

const LOGIN: (Method, &str) = (Method::Post, "/auth/login");
const OTP_REQUEST: (Method, &str) = (Method::Post, "/clients/otp/request");
const REFRESH: (Method, &str) = (Method::Post, "/auth/refresh");
const LOGOUT: (Method, &str) = (Method::Post, "/auth/logout");
const VERIFY: (Method, &str) = (Method::Post, "/auth/verify");
const SESSIONS: (Method, &str) = (Method::Get, "/auth/sessions");
const USER: &str = "/api/users/{user_seq}";
const CLIENT: &str = "/api/clients/{user_seq}";

#[rustfmt::skip]
const LINKS: &[Link] = &[
    link(LOGIN, VERIFY, Input::Body("token"), "/data/access"),
    link(LOGIN, REFRESH, Input::Body("refresh"), "/data/refresh"),
    link(LOGIN, LOGOUT, Input::Body("refresh"), "/data/refresh"),
    link(REFRESH, VERIFY, Input::Body("token"), "/data/access"),
    link(REFRESH, LOGOUT, Input::Body("refresh"), "/data/refresh"),
    link(OTP_REQUEST, (Method::Post, "/clients/otp/verify"), Input::Body("challenge_id"), "/data/challenge_id"),
    link(SESSIONS, (Method::Delete, "/auth/sessions/{id}"), Input::Path("id"), "/data/0/id"),
    link((Method::Get, "/api/users"), (Method::Get, USER), Input::Path("user_seq"), "/data/0/user_seq"),
    link((Method::Post, "/api/users"), (Method::Get, USER), Input::Path("user_seq"), "/data/user_seq"),
    link((Method::Post, "/api/users"), (Method::Patch, USER), Input::Path("user_seq"), "/data/user_seq"),
    link((Method::Post, "/api/users"), (Method::Delete, USER), Input::Path("user_seq"), "/data/user_seq"),
    link((Method::Get, "/api/clients"), (Method::Get, CLIENT), Input::Path("user_seq"), "/data/0/user_seq"),
    link((Method::Post, "/api/clients"), (Method::Get, CLIENT), Input::Path("user_seq"), "/data/user_seq"),
    link((Method::Post, "/api/clients"), (Method::Patch, CLIENT), Input::Path("user_seq"), "/data/user_seq"),
    link((Method::Post, "/api/clients"), (Method::Delete, CLIENT), Input::Path("user_seq"), "/data/user_seq"),
];

/// The links of the success of an endpoint.
pub(super) fn links(endpoint: &Endpoint, endpoints: &[Endpoint]) -> Map<String, Value> {
    let from_here = LINKS
        .iter()
        .filter(|link| link.from == (endpoint.method, endpoint.path));
    from_here
        .filter_map(|link| {
            let mut targets = endpoints.iter();
            let id = operation_id(targets.find(|target| link.to == (target.method, target.path))?);
            let value = format!("$response.body#{}", link.value);
            let mut object = json!({"operationId": id});
            match link.input {
                Input::Path(name) => object["parameters"] = json!({name: value}),
                Input::Body(name) => object["requestBody"] = json!({name: value}),
            }
            Some((id, object))
        })
        .collect()
}
