//! The layers of a configuration, file below environment, laid over one another with the origin of each value. Here
//! belongs which keys may be set and who wins; what a value means is read in `reader` and the sections.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
};

use crate::config::{catalogue, error::Checks, reader::Value};

/// The variables of an environment, by name.
pub type Environment = BTreeMap<String, OsString>;

/// diesel's own variable for the database, which its command line reads too.
const DATABASE_URL: &str = "DATABASE_URL";

/// What was set, with its origin, section by section.
#[derive(Debug, Default)]
pub(super) struct Layers {
    sections: BTreeMap<String, BTreeMap<String, (Value, String)>>,
}

impl Layers {
    /// Lays the text of a file over what is there. `name` is how the file is called in messages.
    pub(super) fn add_file(&mut self, name: &str, text: &str, checks: &mut Checks) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let place = error
                    .span()
                    .map_or(String::new(), |span| place(text, span.start));
                // The error's own Display shows the line, which may hold a secret.
                checks.refuse(
                    &format!("{name}{place}"),
                    format!("not TOML: {}", error.message()),
                );
                return;
            }
        };
        for (section, value) in table {
            let known = catalogue::sections().contains(&section.as_str());
            match value {
                toml::Value::Table(keys) if known => self.add_section(name, &section, keys, checks),
                toml::Value::Table(_) => {
                    let remedy = catalogue::remedy_for_section(&section);
                    checks.refuse_from(&section, Some(name), remedy);
                }
                _ if known => {
                    let remedy =
                        format!("a section, not a key: write `[{section}]` and its keys below it");
                    checks.refuse_from(&section, Some(name), remedy);
                }
                _ => {
                    let remedy = match catalogue::entries().find(|entry| entry.key == section) {
                        Some(entry) => format!("stands outside of a section: put it below `[{}]`", entry.section),
                        None => "stands outside of a section and is unknown: put each key below its section".to_owned(),
                    };
                    checks.refuse_from(&section, Some(name), remedy);
                }
            }
        }
    }

    fn add_section(&mut self, name: &str, section: &str, keys: toml::Table, checks: &mut Checks) {
        for (key, value) in keys {
            if catalogue::find(section, &key).is_some() {
                self.set(section, &key, Value::Written(value), name);
            } else {
                let remedy = catalogue::remedy_for_key(section, &key);
                checks.refuse_from(&format!("{section}.{key}"), Some(name), remedy);
            }
        }
    }

    /// Lays an environment over what is there. An empty variable counts as unset.
    pub(super) fn add_environment(&mut self, environment: &Environment, checks: &mut Checks) {
        // `DATABASE_URL` sorts before every `MUNJIGI_` name, so munjigi's own variable is laid over it.
        for (variable, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
            let is_ours = variable.starts_with(catalogue::PREFIX);
            if !is_ours && variable != DATABASE_URL {
                continue;
            }
            let entry = if is_ours {
                catalogue::find_variable(variable)
            } else {
                catalogue::find("database", "url")
            };
            let Some(entry) = entry else {
                checks.refuse(variable, catalogue::remedy_for_variable(variable));
                continue;
            };
            match value.to_str() {
                Some(text) => {
                    let typed = Value::Typed(text.to_owned());
                    self.set(entry.section, entry.key, typed, variable);
                }
                None => checks.refuse_from(&entry.path(), Some(variable), "not UTF-8 text"),
            }
        }
    }

    fn set(&mut self, section: &str, key: &str, value: Value, origin: &str) {
        self.sections
            .entry(section.to_owned())
            .or_default()
            .insert(key.to_owned(), (value, origin.to_owned()));
    }

    /// Forgets a key, so that the others can still be read. Whether there was one to forget.
    pub(super) fn remove(&mut self, section: &str, key: &str) -> bool {
        self.sections
            .get_mut(section)
            .is_some_and(|keys| keys.remove(key).is_some())
    }

    /// Where the value of a key, or of the key it is a part of, came from.
    pub(super) fn origin(&self, path: &str) -> Option<String> {
        let mut names = path.split(['.', '[']);
        let (section, key) = (names.next()?, names.next()?);
        let (_, origin) = self.sections.get(section)?.get(key)?;
        Some(origin.clone())
    }

    /// The values alone.
    pub(super) fn values(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let values_of = |keys: &BTreeMap<String, (Value, String)>| {
            keys.iter()
                .map(|(key, (value, _))| (key.clone(), value.clone()))
                .collect()
        };
        self.sections
            .iter()
            .map(|(section, keys)| (section.clone(), values_of(keys)))
            .collect()
    }
}

/// The text of the file at `path`, or of `munjigi.toml` in the working directory where there is one, with its name.
pub(super) fn read_file(path: Option<&Path>, checks: &mut Checks) -> Option<(String, String)> {
    let chosen = path.unwrap_or(Path::new("munjigi.toml"));
    let name = chosen.display().to_string();
    match std::fs::read_to_string(chosen) {
        Ok(text) => Some((name, text)),
        Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            checks.refuse(
                &name,
                format!("the configuration file cannot be read ({error}): give the path of a readable TOML file"),
            );
            None
        }
    }
}

/// The environment of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(super) fn process_environment() -> Environment {
    std::env::vars_os()
        .map(|(name, value)| (OsStr::to_string_lossy(&name).into_owned(), value))
        .collect()
}

/// `, line 3, column 5` for a byte of a text.
fn place(text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!(", line {line}, column {column}")
}
