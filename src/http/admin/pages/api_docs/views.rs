//! The parts of the page, read from the OpenAPI document.

use serde_json::{Map, Value};

use crate::http::admin::pages::api_docs::curl::command;
use crate::http::admin::web::code_text::{Piece, pieces};

/// The headers that every operation reads; the page has them once.
const SHARED: [&str; 2] = [
    "#/components/parameters/Language",
    "#/components/parameters/RequestId",
];

/// Operations about one subject.
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) operations: Vec<Operation>,
    /// The address of the page that shows it; empty on that page.
    pub(super) page: String,
}

/// A method of a path.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: Vec<Piece>,
    pub(super) parameters: Vec<FieldView>,
    pub(super) body: Vec<FieldView>,
    pub(super) curl: String,
    pub(super) success: Success,
    pub(super) errors: Vec<ErrorView>,
}

/// An input, or a field of an answer.
pub(super) struct FieldView {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_required: bool,
    pub(super) description: Vec<Piece>,
}

/// The successful answer.
pub(super) struct Success {
    pub(super) status: String,
    pub(super) description: Vec<Piece>,
    /// The fields of `data`, or of the answer if it has no envelope.
    pub(super) fields: Vec<FieldView>,
    /// Its headers that few answers have.
    pub(super) headers: Vec<FieldView>,
    /// `None` without a body.
    pub(super) example: Option<String>,
}

/// The codes of a status.
pub(super) struct ErrorView {
    pub(super) status: String,
    pub(super) codes: Vec<CodeLink>,
}

/// A code, and the name of its example, which the table of codes has too.
pub(super) struct CodeLink {
    pub(super) name: String,
    pub(super) anchor: String,
}

/// The document's operations by group, in the order of the document's groups.
pub(super) fn groups(document: &Value) -> Vec<Group> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let group = |tag: &Value| {
        let name = text(&tag["name"]);
        Group {
            id: name.to_lowercase().replace(' ', "-"),
            description: text(&tag["description"]),
            operations: operations(document, &name),
            page: String::new(),
            name,
        }
    };
    tags.map(group).collect()
}

fn operations(document: &Value, tag: &str) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in entries(&document["paths"]) {
        for method in ["get", "post", "patch", "delete"] {
            let operation = &methods[method];
            if operation["tags"][0] == tag {
                found.push(view(document, path, method, operation));
            }
        }
    }
    found
}

fn view(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.filter(|one| !SHARED.iter().any(|shared| one["$ref"] == *shared));
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        description: pieces(&text(&operation["description"])),
        parameters: parameters.map(|one| parameter(document, one)).collect(),
        body: fields(document, body),
        curl: command(document, path, method, operation),
        success: success(document, operation),
        errors: errors(operation),
    }
}

fn parameter(document: &Value, parameter: &Value) -> FieldView {
    let parameter = resolved(document, parameter);
    FieldView {
        name: text(&parameter["name"]),
        kind: format!(
            "{}, {}",
            text(&parameter["in"]),
            kind(document, &parameter["schema"])
        ),
        is_required: parameter["required"] == true,
        description: pieces(&text(&parameter["description"])),
    }
}

/// The properties of an object, or of the objects of a list.
fn fields(document: &Value, schema: &Value) -> Vec<FieldView> {
    let schema = resolved(document, schema);
    let items = &schema["items"];
    if !items.is_null() {
        return fields(document, items);
    }
    let required = schema["required"].as_array();
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
    entries(&schema["properties"])
        .map(|(name, field)| FieldView {
            name: name.clone(),
            kind: kind(document, field),
            is_required: is_required(name),
            description: pieces(&text(&field["description"])),
        })
        .collect()
}

fn success(document: &Value, operation: &Value) -> Success {
    let successes = entries(&operation["responses"]);
    let mut successes = successes.filter(|(status, _)| status.starts_with('2'));
    let (status, response) = successes
        .next()
        .map_or(("", &Value::Null), |(status, response)| {
            (status.as_str(), response)
        });
    let json = &response["content"]["application/json"];
    let properties = &json["schema"]["properties"];
    let is_envelope = properties.get("success").is_some();
    let schema = if is_envelope {
        &properties["data"]
    } else {
        &json["schema"]
    };
    Success {
        status: status.to_owned(),
        description: pieces(&text(&response["description"])),
        fields: fields(document, schema),
        headers: headers(document, &response["headers"]),
        example: entries(&response["content"]).next().map(
            |(_, content)| match &content["example"] {
                Value::String(token) => token.clone(),
                example => format!("{example:#}"),
            },
        ),
    }
}

/// The headers, without those of every answer.
fn headers(document: &Value, headers: &Value) -> Vec<FieldView> {
    entries(headers)
        .filter(|(name, _)| !["Content-Language", "X-Request-Id"].contains(&name.as_str()))
        .map(|(name, header)| {
            let header = resolved(document, header);
            FieldView {
                name: name.clone(),
                kind: kind(document, &header["schema"]),
                is_required: header["required"] == true,
                description: pieces(&text(&header["description"])),
            }
        })
        .collect()
}

fn errors(operation: &Value) -> Vec<ErrorView> {
    let responses = entries(&operation["responses"]);
    responses
        .filter(|(status, _)| !status.starts_with('2'))
        .map(|(status, response)| {
            let examples = &response["content"]["application/json"]["examples"];
            ErrorView {
                status: status.clone(),
                codes: entries(examples)
                    .map(|(anchor, _)| code_link(anchor, status))
                    .collect(),
            }
        })
        .collect()
}

/// Of a code with two meanings, the name of an example ends with the status.
fn code_link(anchor: &str, status: &str) -> CodeLink {
    let name = anchor.strip_suffix(status);
    let name = name.and_then(|name| name.strip_suffix('_'));
    CodeLink {
        name: name.unwrap_or(anchor).to_owned(),
        anchor: anchor.to_owned(),
    }
}

/// A schema in one line, such as `string, email, 1–254`.
fn kind(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    let mut parts = vec![type_name(document, schema)];
    if let Some(format) = schema["format"]
        .as_str()
        .filter(|format| !format.contains("int"))
    {
        parts.push(format.to_owned());
    }
    for (least, most) in [("minLength", "maxLength"), ("minimum", "maximum")] {
        match (schema[least].as_i64(), schema[most].as_i64()) {
            (Some(least), Some(most)) => parts.push(format!("{least}–{most}")),
            (Some(least), None) => parts.push(format!("≥ {least}")),
            (None, Some(most)) => parts.push(format!("≤ {most}")),
            (None, None) => {}
        }
    }
    if let Some(default) = schema.get("default") {
        parts.push(format!("= {default}"));
    }
    parts.join(", ")
}

fn type_name(document: &Value, schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return joined(values);
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    match &schema["type"] {
        Value::Array(types) => joined(types),
        Value::String(name) if name == "array" => format!("[{}]", kind(document, &schema["items"])),
        Value::String(name) => name.clone(),
        _ => "object".to_owned(),
    }
}

fn joined(values: &[Value]) -> String {
    let words = values.iter().map(|value| match value.as_str() {
        Some(word) => word.to_owned(),
        None => value.to_string(),
    });
    words.collect::<Vec<_>>().join(" | ")
}

/// The object, or the component that it refers to.
pub(super) fn resolved<'a>(document: &'a Value, object: &'a Value) -> &'a Value {
    let reference = object["$ref"].as_str();
    let pointer = reference.map(|reference| reference.trim_start_matches('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(object)
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
