//! The examples of answers, made from their schemas.

use serde_json::{Map, Value, json};

/// Adds an example to each success of an operation. `document` has the components.
pub(super) fn add(operation: &mut Value, document: &Value) {
    let responses = operation["responses"].as_object_mut();
    for response in responses.into_iter().flat_map(Map::values_mut) {
        let content = response.pointer_mut("/content/application~1json");
        if let Some(content) = content.filter(|content| content.get("examples").is_none()) {
            content["example"] = example(&content["schema"], document);
        }
    }
}

/// `meta` of an example.
pub(super) fn meta() -> Value {
    json!({"timestamp": "2026-02-14T12:30:45+00:00", "request_id": "a1b2c3d4e5f6"})
}

/// A value of a schema: its first example, or one made of the examples of its parts.
fn example(schema: &Value, document: &Value) -> Value {
    let schema = resolved(schema, document);
    let first = |name: &str| schema[name].get(0).cloned();
    if let Some(value) = schema.get("const").cloned().or_else(|| first("examples")) {
        return value;
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return all_of(parts, document);
    }
    if let Some(part) = schema["anyOf"].get(0) {
        return example(part, document);
    }
    let kind = schema["type"].get(0).unwrap_or(&schema["type"]);
    match kind.as_str() {
        Some("object") => object(schema, document),
        Some("array") => json!([example(&schema["items"], document)]),
        Some("boolean") => json!(true),
        _ => first("enum").unwrap_or(Value::Null),
    }
}

/// Of an object: its required properties, and others that have an example of their own.
fn object(schema: &Value, document: &Value) -> Value {
    let properties = schema["properties"].as_object();
    let is_shown = |name: &str, property: &Value| {
        let names = schema["required"].as_array();
        let is_required = names.is_some_and(|names| names.iter().any(|one| one == name));
        is_required || property.get("examples").is_some()
    };
    let properties = properties
        .into_iter()
        .flatten()
        .filter(|(name, property)| is_shown(name, property))
        .map(|(name, property)| (name.clone(), example(property, document)));
    Value::Object(properties.collect())
}

/// The parts as one object: the properties and requirements of all of them.
fn all_of(parts: &[Value], document: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for part in parts {
        let part = resolved(part, document);
        let own = part["properties"].as_object().into_iter().flatten();
        properties.extend(own.map(|(name, schema)| (name.clone(), schema.clone())));
        required.extend(part["required"].as_array().into_iter().flatten().cloned());
    }
    let whole = json!({"properties": properties, "required": required});
    object(&whole, document)
}

/// The schema, or the component that it refers to.
fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str();
    let pointer = reference.map(|reference| reference.trim_start_matches('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(schema)
}
