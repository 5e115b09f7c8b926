//! The query parameters of the lists.

use std::collections::BTreeSet;

use serde_json::json;

use super::{check_property, runtime, values::texts};
use crate::{
    api::endpoints::{ENDPOINTS, Kind, Who},
    support::App,
};

fn number(text: &str, min: i64, max: i64) -> Option<i64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.trim_start_matches('0').parse();
    number
        .ok()
        .filter(|number| is_number && (min..=max).contains(number))
}

fn is_order(columns: &[&str], text: &str) -> bool {
    let parts: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    let is_column = |part: &&str| columns.contains(&part.strip_prefix('-').unwrap_or(part));
    parts.len() <= columns.len() && parts.iter().all(is_column)
}

const ROLES: [&str; 3] = ["admin", "auditor", "staff"];

/// Whether a parameter of this kind must accept the text.
fn fits(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Integer { min, max, .. } => number(text, min, max).is_some(),
        Kind::Text { max, .. } => {
            text.chars().count() <= max.unwrap_or(usize::MAX) && !text.contains(char::is_control)
        }
        Kind::Boolean => ["true", "false", "1", "0"].contains(&text.to_ascii_lowercase().as_str()),
        Kind::Role => ROLES.contains(&text),
        Kind::Roles => text.split(',').all(|word| ROLES.contains(&word.trim())),
        Kind::OneOf(values) => values.contains(&text),
        Kind::AnyOf(values) => text.split(',').all(|word| values.contains(&word.trim())),
        Kind::Ordering(columns) => is_order(columns, text),
        Kind::Object | Kind::Credential | Kind::Items(_) => unreachable!("no query has an object"),
    }
}

#[test]
fn the_lists_are_ordered_by_the_columns_of_their_answers() {
    let common = [
        "user_seq",
        "name",
        "email",
        "is_active",
        "last_login_at",
        "created_at",
        "updated_at",
    ];
    for (path, own) in [
        ("/api/users", &["role", "username"][..]),
        ("/api/clients", &["username"]),
    ] {
        let endpoint = ENDPOINTS
            .iter()
            .find(|endpoint| endpoint.path == path && endpoint.method == "GET");
        let ordering = endpoint
            .unwrap()
            .query
            .iter()
            .find_map(|parameter| match parameter.kind {
                Kind::Ordering(columns) => Some(columns),
                _ => None,
            });
        let columns: BTreeSet<&str> = ordering.unwrap().iter().copied().collect();
        assert_eq!(columns, common.iter().chain(own).copied().collect());
    }
}

#[test]
fn a_parameter_is_applied_or_an_error_of_its_name() {
    let runtime = runtime();
    let app = App::start();
    let root = runtime.block_on(app.admin("root"));
    for endpoint in ENDPOINTS
        .iter()
        // Those of the admin API are tested in `api/admin_api`.
        .filter(|endpoint| !matches!(endpoint.who, Who::Scope(_)))
        .filter(|endpoint| !endpoint.query.is_empty() && endpoint.path != "/auth/forward")
    {
        let names = endpoint
            .query
            .iter()
            .map(|parameter| parameter.name)
            .collect();
        let kind = |name: &str| {
            let mut parameters = endpoint.query.iter();
            parameters
                .find(|parameter| parameter.name == name)
                .unwrap()
                .kind
        };
        check_property(&runtime, 300, texts(names), async |sent| {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&sent)
                .finish();
            let answer = root.get(&format!("{}?{query}", endpoint.path)).await;
            let wrong =
                |(name, text): &&(&str, String)| !text.is_empty() && !fits(kind(name), text);
            let wrong: BTreeSet<&str> = sent.iter().filter(wrong).map(|(name, _)| *name).collect();
            let refused = answer.wrong_fields();
            assert_eq!(refused, wrong, "{query}: {}", answer.text);
            assert_eq!(
                answer.status,
                if wrong.is_empty() { 200 } else { 400 },
                "{query}"
            );
            if wrong.is_empty() {
                let value = |wanted: &str, max, default| {
                    let sent = sent.iter().find(|(name, _)| *name == wanted);
                    sent.and_then(|(_, text)| number(text, 1, max))
                        .unwrap_or(default)
                };
                let pagination = &answer.body["meta"]["pagination"];
                assert_eq!(pagination["page"], json!(value("page", 1_000_000_000, 1)));
                assert_eq!(pagination["page_size"], json!(value("page_size", 100, 20)));
            }
        });
    }
}
