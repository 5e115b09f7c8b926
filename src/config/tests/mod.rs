//! The configuration as a whole: precedence, refusals with their messages, masking, the example. What one kind of value
//! is tested for stands with that kind.

use std::{ffi::OsString, path::PathBuf};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::config::*;

mod layering;
mod reading;
mod refusals;
mod showing;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Loads a file of this text below an environment of these variables. In messages the file is `F`.
fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("munjigi.toml");
    std::fs::write(&path, file).unwrap();
    Config::load_with(Some(&path), &environment(variables))
        .map_err(|error| error.to_string().replace(path.to_str().unwrap(), "F"))
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), OsString::from(value));
    variables.iter().map(owned).collect()
}

fn with_env(variables: &[(&str, &str)]) -> Config {
    load("", variables).unwrap()
}

/// Asserts that a file is refused with exactly this message.
#[track_caller]
fn refused(file: &str, message: &str) {
    assert_eq!(load(file, &[]).unwrap_err(), message, "{file}");
}

/// Asserts that one variable is refused with exactly this message.
#[track_caller]
fn refused_env(name: &str, value: &str, message: &str) {
    assert_eq!(load("", &[(name, value)]).unwrap_err(), message);
}

/// Asserts that each file is refused for this key, in words that hold these.
#[track_caller]
fn refused_for(cases: &[(&str, &str, &str)]) {
    for (file, key, words) in cases {
        let message = load(file, &[]).unwrap_err();
        assert!(
            message.starts_with(&format!("{key} (F): "))
                || message.starts_with(&format!("{key}: ")),
            "{file}: {message}"
        );
        assert!(message.contains(words), "{file}: {message}");
        assert_eq!(message.lines().count(), 1, "{file}: {message}");
    }
}
