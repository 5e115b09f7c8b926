//! The fields of log-in, tokens, codes and one's own password: nothing of them is stored, but what cannot be one is refused by
//! name, and nothing else is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::{hold, runtime, values::body};
use crate::{
    api::endpoints::{ENDPOINTS, Endpoint, Kind, Who},
    support::App,
};

/// Whether a field cannot hold this text.
fn is_refused(name: &str, text: &str) -> bool {
    match name {
        "username" | "email" => {
            text.trim().is_empty() || text.chars().count() > 254 || text.contains(char::is_control)
        }
        "password" | "current_password" | "new_password" => {
            let length = text.nfc().count();
            length == 0 || length > 1024
        }
        "user_type" => !["user", "client"].contains(&text),
        "refresh" | "token" => text.trim().is_empty(),
        "code" => text.len() > 64 || text.chars().all(|c| c.is_whitespace() || c == '-'),
        "challenge_id" => false,
        _ => panic!("nothing is known of {name}"),
    }
}

/// The names by which a body must be refused.
fn refused(endpoint: &Endpoint, sent: &Map<String, Value>) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    for field in endpoint.fields {
        match (field.kind, sent.get(field.name)) {
            (_, None | Some(Value::Null)) => {
                // Without an e-mail address a log-in asks for the username.
                let asked = if endpoint.path == "/auth/login" && field.name == "email" {
                    "username"
                } else {
                    field.name
                };
                names.extend(field.required.then_some(asked));
            }
            (Kind::Truth, Some(Value::Bool(_))) => {}
            (Kind::Text, Some(Value::String(text))) if !is_refused(field.name, text) => {}
            _ => drop(names.insert(field.name)),
        }
    }
    names
}

#[test]
fn what_cannot_be_is_refused_by_name_and_nothing_else_is() {
    let runtime = runtime();
    let app = App::with(|config| {
        config.limits.failures = 100;
        config.limits.failures_per_address = 0;
    });
    let doors = ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.fields.is_empty() && !endpoint.path.starts_with("/api/"));
    for (at, endpoint) in doors.enumerate() {
        let ann = runtime.block_on(app.user(&format!("ann{at}")));
        let names = endpoint.fields.iter().map(|field| field.name).collect();
        hold(&runtime, 100, body(names), async |sent| {
            let caller = if endpoint.who == Who::Bearer {
                Some(ann.again().await)
            } else {
                None
            };
            let call = match &caller {
                Some(caller) => caller.call(endpoint.method, endpoint.path),
                None => app.anonymous().call(endpoint.method, endpoint.path),
            };
            let answer = call.json(&Value::Object(sent.clone())).await;
            let told = answer.wrong_fields();
            let refused = refused(endpoint, &sent);
            if endpoint.path == "/auth/password" && refused.is_empty() {
                // These could be, but one is wrong or breaks the policy.
                let own = ["current_password", "new_password"];
                assert!(
                    told.iter().all(|name| own.contains(name)),
                    "{}",
                    answer.text
                );
                assert!([400, 429].contains(&answer.status), "{}", answer.text);
                return;
            }
            assert_eq!(told, refused, "{}", answer.text);
            assert_eq!(
                answer.code() == "INVALID_REQUEST",
                !refused.is_empty(),
                "{}",
                answer.text
            );
        });
    }
}
