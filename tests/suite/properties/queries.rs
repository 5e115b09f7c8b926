//! The parameters of the lists.

use std::collections::BTreeSet;

use serde_json::json;

use super::{hold, runtime, values::texts};
use crate::{
    api::endpoints::{ENDPOINTS, Endpoint},
    support::App,
};

fn number(text: &str, most: u64) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.trim_start_matches('0').parse();
    number
        .ok()
        .filter(|number| is_number && (1..=most).contains(number))
}

fn is_order(endpoint: &Endpoint, text: &str) -> bool {
    let own: &[&str] = if endpoint.path == "/api/users" {
        &["email", "role"]
    } else {
        &["username"]
    };
    let common = [
        "user_seq",
        "name",
        "is_active",
        "last_login_at",
        "created_at",
        "updated_at",
    ];
    let names: Vec<&str> = common.iter().chain(own).copied().collect();
    let parts: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    let is_known = |part: &&str| names.contains(&part.strip_prefix('-').unwrap_or(part));
    parts.len() <= names.len() && parts.iter().all(is_known)
}

fn fits(endpoint: &Endpoint, name: &str, text: &str) -> bool {
    match name {
        "page" => number(text, 1_000_000_000).is_some(),
        "page_size" => number(text, 100).is_some(),
        "search" => text.chars().count() <= 200 && !text.contains(char::is_control),
        "is_active" => ["true", "false", "1", "0"].contains(&text.to_ascii_lowercase().as_str()),
        "role" => ["admin", "auditor", "staff"].contains(&text),
        _ => is_order(endpoint, text),
    }
}

#[test]
fn a_parameter_is_refused_by_name_or_does_what_it_says() {
    let runtime = runtime();
    let app = App::start();
    let root = runtime.block_on(app.admin("root"));
    for endpoint in ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.query.is_empty())
    {
        let names = endpoint.query.iter().map(|(name, _)| *name).collect();
        hold(&runtime, 300, texts(names), async |sent| {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&sent)
                .finish();
            let answer = root.get(&format!("{}?{query}", endpoint.path)).await;
            let wrong =
                |(name, text): &&(&str, String)| !text.is_empty() && !fits(endpoint, name, text);
            let wrong: BTreeSet<&str> = sent.iter().filter(wrong).map(|(name, _)| *name).collect();
            let told = answer.wrong_fields();
            assert_eq!(told, wrong, "{query}: {}", answer.text);
            assert_eq!(
                answer.status,
                if wrong.is_empty() { 200 } else { 400 },
                "{query}"
            );
            if wrong.is_empty() {
                let of = |wanted: &str, most, default| {
                    let sent = sent.iter().find(|(name, _)| *name == wanted);
                    sent.and_then(|(_, text)| number(text, most))
                        .unwrap_or(default)
                };
                let pagination = &answer.body["meta"]["pagination"];
                assert_eq!(pagination["page"], json!(of("page", 1_000_000_000, 1)));
                assert_eq!(pagination["page_size"], json!(of("page_size", 100, 20)));
            }
        });
    }
}
