//! The table of error codes: it is that of the errors, and the documents have it.

use std::collections::BTreeSet;

use munjigi::http::api::codes::CODES;

/// The pairs of status and code that the table from errors to answers has.
fn pairs_in_the_source() -> BTreeSet<(u16, String)> {
    let source = [
        include_str!("../../../src/http/api/errors.rs"),
        include_str!("../../../src/http/api/error_statuses.rs"),
    ];
    let source = source.concat().split_whitespace().collect::<String>();
    let statuses = [
        ("BAD_REQUEST", 400),
        ("UNAUTHORIZED", 401),
        ("FORBIDDEN", 403),
        ("NOT_FOUND", 404),
        ("METHOD_NOT_ALLOWED", 405),
        ("CONFLICT", 409),
        ("PAYLOAD_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("UNPROCESSABLE_ENTITY", 422),
        ("TOO_MANY_REQUESTS", 429),
        ("INTERNAL_SERVER_ERROR", 500),
        ("SERVICE_UNAVAILABLE", 503),
    ];
    let mut pairs = BTreeSet::new();
    for rest in source.split("(StatusCode::").skip(1) {
        let Some((status, rest)) = rest.split_once(",\"") else {
            continue;
        };
        if let Some((_, number)) = statuses.iter().find(|(name, _)| *name == status) {
            pairs.insert((*number, rest.split('"').next().unwrap().to_owned()));
        }
    }
    pairs
}

#[test]
fn the_table_of_codes_is_that_of_the_errors() {
    let declared: BTreeSet<(u16, String)> = CODES
        .iter()
        .map(|code| (code.status, code.name.to_owned()))
        .collect();
    assert_eq!(declared.len(), CODES.len());
    assert_eq!(declared, pairs_in_the_source());
}

#[test]
fn the_documents_have_the_table_of_codes() {
    let documented = include_str!("../../../docs/api.md");
    let rows: Vec<String> = CODES
        .iter()
        .map(|code| {
            let (status, name) = (code.status, code.name);
            format!(
                "| `{status}` | `{name}` | {} | {} |",
                code.when, code.action
            )
        })
        .collect();
    let table = rows.join("\n");
    assert!(
        documented.contains(&table),
        "docs/api.md should have:\n{table}"
    );
}
