//! The answers of every endpoint, whole: status and body, with a placeholder for what differs from run to run.
#![expect(clippy::too_many_lines, reason = "whole answers are long")]

mod accounts;
mod auth;
mod refusals;

use serde_json::{Value, json};

use crate::support::Answer;

/// Status and body. Tokens and ids are replaced; times are those of the tests' clock.
fn shown(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    replace(&mut body);
    format!(
        "{}\n{}",
        answer.status,
        serde_json::to_string_pretty(&body).unwrap()
    )
}

fn replace(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(replace),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "access" | "refresh" if value.is_string() => *value = json!("[token]"),
                    "request_id" | "challenge_id" | "id" | "jti" | "sid" => *value = json!("[id]"),
                    _ => replace(value),
                }
            }
        }
        _ => {}
    }
}
