//! The OpenAPI document: it has every endpoint as the route table declares it, and its examples are right. That answers are
//! as it says is checked for every answer that any test gets (`support/described.rs`).

use std::collections::BTreeSet;

use munjigi::http::api::{
    codes::CODES,
    endpoint::{Access, Endpoint},
    input::{Field, Kind, Presence},
    routes::ENDPOINTS,
};
use serde_json::Value;

use crate::support::{
    App, Browser,
    described::{DOCUMENT, pointer, validator},
};

fn operation(endpoint: &Endpoint) -> &'static Value {
    let method = endpoint.method.as_str().to_lowercase();
    DOCUMENT
        .pointer(&pointer(&["paths", endpoint.path, &method]))
        .unwrap_or_else(|| panic!("{method} {}", endpoint.path))
}

fn body(endpoint: &Endpoint) -> &'static Value {
    &operation(endpoint)["requestBody"]["content"]["application/json"]
}

fn names(list: &Value) -> BTreeSet<&str> {
    let list = list.as_array().into_iter().flatten();
    list.map(|name| name.as_str().unwrap()).collect()
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

#[test]
fn the_document_has_every_endpoint_once_and_no_others() {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.values().map(|methods| keys(methods).len());
    assert_eq!(operations.sum::<usize>(), ENDPOINTS.len());
    let ids: BTreeSet<&str> = ENDPOINTS
        .iter()
        .map(|endpoint| operation(endpoint)["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), ENDPOINTS.len(), "{ids:?}");
    let groups: BTreeSet<&str> = DOCUMENT["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    for endpoint in ENDPOINTS {
        let operation = operation(endpoint);
        assert_eq!(operation["summary"], endpoint.summary);
        assert!(names(&operation["tags"]).is_subset(&groups));
        let first = &operation["security"][0];
        let credentials = match endpoint.access {
            Access::Anyone => None,
            Access::ServiceSecret | Access::Service => Some("secret"),
            _ => Some("bearer"),
        };
        let listed = first.as_object().and_then(|one| one.keys().next());
        assert_eq!(listed.map(String::as_str), credentials, "{}", endpoint.path);
        let success = &operation["responses"][endpoint.status.to_string()]["content"];
        let code = &success["application/json"]["schema"]["properties"]["code"]["const"];
        assert_ne!(code, "", "{} has no code", endpoint.path);
    }
}

fn assert_bounds(field: &Field, schema: &Value) {
    let name = field.name;
    match field.kind {
        Kind::Integer { min, max, default } => {
            let bounds = [&schema["minimum"], &schema["maximum"], &schema["default"]];
            assert_eq!(bounds, [min, max, default], "{name}");
        }
        Kind::Text { max, .. } => assert_eq!(
            schema["maxLength"].as_u64(),
            max.map(|max| max as u64),
            "{name}"
        ),
        Kind::Role => {
            let listed = schema["enum"].as_array().unwrap().iter();
            let listed: Vec<&str> = listed.filter_map(Value::as_str).collect();
            assert_eq!(listed, ["admin", "auditor", "staff"], "{name}");
        }
        Kind::Roles => assert!(
            schema["pattern"]
                .as_str()
                .unwrap()
                .contains("admin|auditor|staff"),
            "{name}"
        ),
        Kind::OneOf(values) => {
            let listed = schema["enum"].as_array().unwrap().iter();
            let listed: Vec<&str> = listed.filter_map(Value::as_str).collect();
            assert_eq!(listed, values, "{name}");
        }
        Kind::Object => assert!(schema.get("maxProperties").is_some(), "{name}"),
        Kind::Items(_) => assert_eq!(schema["maxItems"], 1_000, "{name}"),
        Kind::Credential => assert!(schema.get("required").is_some(), "{name}"),
        Kind::Ordering(words) | Kind::AnyOf(words) => {
            let pattern = schema["pattern"].as_str().unwrap();
            assert!(words.iter().all(|word| pattern.contains(word)), "{name}");
        }
        Kind::Boolean => assert!(
            schema["type"] == "boolean" || schema["type"][0] == "boolean",
            "{name}"
        ),
    }
}

#[test]
fn every_input_is_there_with_its_bounds() {
    for endpoint in ENDPOINTS {
        let parameters = operation(endpoint)["parameters"].as_array().unwrap();
        for field in endpoint.query {
            let parameter = parameters.iter().find(|one| one["name"] == field.name);
            let parameter = parameter.unwrap_or_else(|| panic!("{}", field.name));
            assert_eq!(parameter["in"], "query");
            assert_bounds(field, &parameter["schema"]);
        }
        let schema = &body(endpoint)["schema"];
        let declared: BTreeSet<&str> = endpoint.body.iter().map(|field| field.name).collect();
        assert_eq!(keys(&schema["properties"]), declared, "{}", endpoint.path);
        let required = endpoint.body.iter();
        let required = required.filter(|field| field.presence == Presence::Required);
        let required: BTreeSet<&str> = required.map(|field| field.name).collect();
        assert_eq!(names(&schema["required"]), required, "{}", endpoint.path);
        for field in endpoint.body {
            let description = schema["properties"][field.name]["description"].as_str();
            assert!(
                description.unwrap().starts_with(field.description),
                "{}",
                field.name
            );
            assert_bounds(field, &schema["properties"][field.name]);
        }
        // An unknown parameter of a query cannot be described.
        let refuses = schema.get("additionalProperties").is_some();
        let expected = endpoint.refuses_unknown && !endpoint.body.is_empty();
        assert_eq!(refuses, expected, "{}", endpoint.path);
    }
}

#[test]
fn the_examples_of_requests_fit_their_schemas_and_are_accepted() {
    for endpoint in ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.body.is_empty())
    {
        let method = endpoint.method.as_str().to_lowercase();
        let place = [
            "paths",
            endpoint.path,
            method.as_str(),
            "requestBody",
            "content",
            "application/json",
            "schema",
        ];
        let example = &body(endpoint)["example"];
        let found = validator(&DOCUMENT, &pointer(&place));
        assert!(found.is_valid(example), "{}: {example}", endpoint.path);
        for (name, value) in example.as_object().unwrap() {
            let field = endpoint
                .body
                .iter()
                .find(|field| field.name == name)
                .unwrap();
            if let Some(text) = value.as_str() {
                assert!(field.problem(text).is_none(), "{}: {name}", endpoint.path);
            }
        }
    }
    for field in ENDPOINTS.iter().flat_map(|endpoint| endpoint.query) {
        let parameters = ENDPOINTS
            .iter()
            .flat_map(|endpoint| operation(endpoint)["parameters"].as_array().unwrap());
        let mut found = parameters.filter(|one| one["name"] == field.name);
        let example = &found.next().unwrap()["example"];
        let text = example
            .as_str()
            .map_or_else(|| example.to_string(), str::to_owned);
        assert!(field.problem(&text).is_none(), "{}: {text}", field.name);
    }
}

/// The answers without a body: `304`, and those of endpoints that say nothing else than their status.
fn may_be_empty(endpoint: &Endpoint, status: &str) -> bool {
    status == "304"
        || (status == "200" && ["/auth/forward", "/oauth/revoke"].contains(&endpoint.path))
}

#[test]
fn the_examples_of_answers_fit_their_schemas() {
    for endpoint in ENDPOINTS {
        let method = endpoint.method.as_str().to_lowercase();
        for (status, response) in operation(endpoint)["responses"].as_object().unwrap() {
            let Some((media_type, content)) = response["content"]
                .as_object()
                .and_then(|content| content.iter().next())
            else {
                assert!(may_be_empty(endpoint, status), "{} {status}", endpoint.path);
                continue;
            };
            let place = [
                "paths",
                endpoint.path,
                method.as_str(),
                "responses",
                status.as_str(),
                "content",
                media_type.as_str(),
                "schema",
            ];
            let schema = validator(&DOCUMENT, &pointer(&place));
            let mut examples = Vec::from_iter(content.get("example"));
            for (_, example) in content["examples"].as_object().into_iter().flatten() {
                let reference = example["$ref"].as_str().unwrap().trim_start_matches('#');
                examples.push(&DOCUMENT.pointer(reference).unwrap()["value"]);
            }
            assert!(
                !examples.is_empty(),
                "{} {status} has no example",
                endpoint.path
            );
            for example in examples {
                let errors: Vec<String> = schema
                    .iter_errors(example)
                    .map(|error| error.to_string())
                    .collect();
                assert!(
                    errors.is_empty(),
                    "{} {status}: {errors:?} {example:#}",
                    endpoint.path
                );
            }
        }
    }
}

#[test]
fn every_part_is_described() {
    for endpoint in ENDPOINTS {
        let operation = operation(endpoint);
        assert!(operation["description"].is_string(), "{}", endpoint.path);
        for response in operation["responses"].as_object().unwrap().values() {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|text| text.len() > 5)
            );
            assert!(keys(&response["headers"]).contains("X-Request-Id"));
        }
    }
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let has_reference = property.get("$ref").is_some();
            let is_described =
                property["description"].is_string() || has_reference || name == "Claims";
            assert!(is_described, "{name}: {field}");
        }
    }
}

#[test]
fn statuses_have_their_headers() {
    for endpoint in ENDPOINTS {
        for (status, response) in operation(endpoint)["responses"].as_object().unwrap() {
            let headers = keys(&response["headers"]);
            for (of, header) in [
                ("401", "WWW-Authenticate"),
                ("429", "Retry-After"),
                ("503", "Retry-After"),
            ] {
                assert!(
                    status != of || headers.contains(header),
                    "{} {status}",
                    endpoint.path
                );
            }
        }
    }
}

#[tokio::test]
async fn the_document_is_served_with_an_entity_tag() {
    let app = App::start();
    let answer = app.anonymous().get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, *DOCUMENT);
    let tag = answer.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let again = app.anonymous().get("/openapi.json");
        let again = again.header("if-none-match", &known).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
    }
    let other = app.anonymous().get("/openapi.json");
    let other = other.header("if-none-match", "\"x\"").await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn the_document_names_the_public_address() {
    let app = App::with(|config| {
        config.server.public_url = Some("https://login.example.org/auth-server/".parse().unwrap());
    });
    let answer = app.anonymous().get("/openapi.json").await;
    assert_eq!(
        answer.body["servers"][0]["url"],
        "https://login.example.org/auth-server"
    );
}

#[tokio::test]
async fn the_page_has_every_operation_and_code_in_both_languages() {
    let app = App::start();
    for (query, title) in [("?", "API reference"), ("?language=ko&", "API 문서")] {
        let page = Browser::open(&app.browser(), &format!("/docs{query}")).await;
        let second = format!("/docs{query}part=administration");
        let second = Browser::open(&app.browser(), &second).await;
        assert_eq!([page.text("h1"), second.text("h1")], [title, title]);
        let [first, other] = [&page, &second].map(|page| page.attrs("article", "id"));
        assert!(!other.is_empty());
        let shown: BTreeSet<String> = first.iter().chain(&other).cloned().collect();
        assert_eq!(shown.len(), first.len() + other.len());
        for endpoint in ENDPOINTS {
            let id = operation(endpoint)["operationId"].as_str().unwrap();
            assert!(shown.contains(id), "{id}");
        }
        // Each page has links to the operations of the other, and the second to the codes.
        let links = page.attrs("nav a", "href");
        assert!(links.contains(&format!("/docs{query}part=administration#{}", other[0])));
        let of_first = format!("/docs{}", query.trim_end_matches(['?', '&']));
        let links = second.attrs("nav a, main a", "href");
        for anchor in [first[0].as_str(), "codes", "INVALID_REQUEST"] {
            assert!(links.contains(&format!("{of_first}#{anchor}")), "{anchor}");
        }
        let codes = page.texts(".api-codes code");
        for code in CODES {
            assert!(
                codes.iter().any(|shown| shown == code.name),
                "{}",
                code.name
            );
        }
        let ids: BTreeSet<String> = page
            .attrs("[id]", "id")
            .into_iter()
            .map(|id| format!("#{id}"))
            .collect();
        for link in page.attrs("main a[href^='#']", "href") {
            assert!(ids.contains(&link), "{link}");
        }
        assert_eq!(page.count("script, style, [style]"), 0);
    }
}
