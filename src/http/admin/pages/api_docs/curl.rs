//! An operation as a command.

use serde_json::Value;

/// The command for a POSIX shell. The access token is in the variable `ACCESS`.
pub(super) fn command(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let server = document["servers"][0]["url"].as_str();
    let server = server
        .filter(|url| *url != "/")
        .unwrap_or("http://localhost:8080");
    let url = format!("{server}{}", filled(path, operation));
    let mut lines = vec![match method {
        "get" => format!("curl '{url}'"),
        _ => format!("curl -X {} '{url}'", method.to_uppercase()),
    }];
    if operation["security"][0].get("bearer").is_some() {
        lines.push("-H \"Authorization: Bearer $ACCESS\"".to_owned());
    }
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    if !example.is_null() {
        lines.push("-H 'Content-Type: application/json'".to_owned());
        lines.push(format!(
            "-d '{}'",
            example.to_string().replace('\'', r"'\''")
        ));
    }
    lines.join(" \\\n  ")
}

/// The path with the examples of its parameters.
fn filled(path: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.fold(path.to_owned(), |path, parameter| {
        let name = format!("{{{}}}", parameter["name"].as_str().unwrap_or_default());
        path.replace(&name, parameter["example"].as_str().unwrap_or_default())
    })
}
