//! The fields of logins, tokens, one-time codes and password changes, which are not stored: a field has an error
//! exactly if its value cannot be valid.

use std::collections::BTreeSet;

use munjigi::domain::account::Email;
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::{
    check_property,
    expected::{as_it_looks, line},
    runtime,
    values::body,
};
use crate::{
    api::endpoints::{ENDPOINTS, Endpoint, Kind, Who},
    support::App,
};

/// Whether the field must reject this text.
fn is_refused(name: &str, text: &str) -> bool {
    match name {
        "username" | "email" => {
            as_it_looks(text).is_empty()
                || text.chars().count() > 254
                || text.contains(char::is_control)
        }
        "password" | "current_password" | "new_password" => {
            let length = text.nfc().count();
            length == 0 || length > 1024
        }
        "user_type" => !["user", "client"].contains(&text),
        "refresh" | "token" => text.trim().is_empty(),
        "code" => {
            let dash = |c| "‐‑‒–—―−﹘﹣".contains(c);
            let looks: String = as_it_looks(text).nfkc().collect();
            let looks = looks.replace(dash, "-").trim().to_owned();
            looks.len() > 64 || looks.chars().all(|c| c.is_whitespace() || c == '-')
        }
        // Which texts are addresses is tested with the fields of accounts.
        "new_email" => Email::parse(text).is_err(),
        "challenge_id" => false,
        "method" => !["totp", "passkey", "recovery_code"].contains(&text),
        // Of a passkey.
        "name" => line(text, 64).is_none(),
        // A text is no object.
        "credential" | "assertion" => true,
        _ => panic!("add a rule for `{name}`"),
    }
}

/// The fields of a body that must have errors.
fn refused(endpoint: &Endpoint, sent: &Map<String, Value>) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    for field in &endpoint.fields {
        match (field.kind, sent.get(field.name)) {
            (_, None | Some(Value::Null)) => {
                // Without `email`, `username` is the missing field of a login, and of a forgotten password.
                let expected = match (endpoint.path, field.name) {
                    ("/auth/login" | "/auth/password/forgot", "email") => "username",
                    // Nor `code` that of a new proof.
                    ("/auth/reauthenticate", "code" | "assertion") => "password",
                    (_, "assertion") => "code",
                    (_, name) => name,
                };
                names.extend(field.required.then_some(expected));
            }
            (Kind::Boolean, Some(Value::Bool(_))) | (Kind::Credential, Some(Value::Object(_))) => {}
            (kind, Some(Value::String(text)))
                if kind != Kind::Boolean && !is_refused(field.name, text) => {}
            _ => drop(names.insert(field.name)),
        }
    }
    names
}

#[test]
fn exactly_the_invalid_fields_are_errors() {
    let runtime = runtime();
    let app = App::with(|config| {
        config.limits.failures = 100;
        config.limits.failures_per_address = 0;
    });
    let endpoints = ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.fields.is_empty() && !endpoint.path.starts_with("/api/"));
    for (at, endpoint) in endpoints.enumerate() {
        let ann = runtime.block_on(app.user(&format!("ann{at}")));
        let names = endpoint.fields.iter().map(|field| field.name).collect();
        check_property(&runtime, 100, body(names), async |sent| {
            let caller = if [Who::Bearer, Who::BearerOrRefresh].contains(&endpoint.who) {
                Some(ann.again().await)
            } else {
                None
            };
            let call = match &caller {
                Some(caller) => caller.call(endpoint.method, endpoint.path),
                None => app.anonymous().call(endpoint.method, endpoint.path),
            };
            let answer = call.json(&Value::Object(sent.clone())).await;
            let wrong = answer.wrong_fields();
            let refused = refused(endpoint, &sent);
            let of_passwords = ["/auth/password", "/auth/reauthenticate", "/auth/email"];
            if of_passwords.contains(&endpoint.path) && refused.is_empty() {
                // The format is valid, but the current password is wrong or the new one violates the password rules.
                let own = [
                    "current_password",
                    "new_password",
                    "password",
                    "code",
                    "assertion",
                ];
                assert!(
                    wrong.iter().all(|name| own.contains(name)),
                    "{}",
                    answer.text
                );
                // This server sends no mail, which changes of the e-mail address need.
                let other = if endpoint.path == "/auth/email" {
                    404
                } else {
                    429
                };
                assert!([400, other].contains(&answer.status), "{}", answer.text);
                return;
            }
            assert_eq!(wrong, refused, "{}", answer.text);
            assert_eq!(
                answer.code() == "INVALID_REQUEST",
                !refused.is_empty(),
                "{}",
                answer.text
            );
        });
    }
}
