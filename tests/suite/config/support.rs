//! Loading of configurations.

pub(super) use std::{ffi::OsString, path::PathBuf};

pub(super) use munjigi::config::*;
pub(super) use tempfile::TempDir;

pub(super) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Loads a file with this text and these environment variables. Messages name the file `F`.
pub(super) fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    load_with(file, &environment(variables))
}

/// As [`load`], also with variables that are not UTF-8.
pub(super) fn load_with(file: &str, environment: &Environment) -> Result<Config, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("munjigi.toml");
    std::fs::write(&path, file).unwrap();
    Config::load_with(Some(&path), environment)
        .map_err(|error| error.to_string().replace(path.to_str().unwrap(), "F"))
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), OsString::from(value));
    variables.iter().map(owned).collect()
}

pub(super) fn with_env(variables: &[(&str, &str)]) -> Config {
    load("", variables).unwrap()
}

/// Asserts that a file is rejected with exactly this message.
#[track_caller]
pub(super) fn refused(file: &str, message: &str) {
    assert_eq!(load(file, &[]).unwrap_err(), message, "{file}");
}

/// Asserts that a variable is rejected with exactly this message.
#[track_caller]
pub(super) fn refused_env(name: &str, value: &str, message: &str) {
    assert_eq!(load("", &[(name, value)]).unwrap_err(), message);
}

/// Asserts that each file is rejected for this key, with a message that contains these words.
#[track_caller]
pub(super) fn refused_for(cases: &[(&str, &str, &str)]) {
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
