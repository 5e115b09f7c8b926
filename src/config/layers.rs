//! Merges the configuration file and the environment (which overrides the file), and keeps the origin of each value.
//! Rejects unknown keys. Values are parsed in `reader` and in the sections.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
};

use crate::config::catalogue;
use crate::config::error::Checks;
use crate::config::reader::Value;
use crate::config::secret_files::{self, Resolved, SECRETS};

/// Environment variables by name.
pub type Environment = BTreeMap<String, OsString>;

/// Also read by the `diesel` command line.
const DATABASE_URL: &str = "DATABASE_URL";

/// The directory of the credentials of a service (systemd.exec(5)).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The values that were set, with their origins, by section and key.
#[derive(Debug, Default)]
pub(super) struct Layers {
    sections: BTreeMap<String, BTreeMap<String, (Value, String)>>,
}

impl Layers {
    /// Adds the text of a file, overriding earlier values. `name` is used in messages.
    pub(super) fn add_file(&mut self, name: &str, text: &str, checks: &mut Checks) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let position = error
                    .span()
                    .map_or(String::new(), |span| position(text, span.start));
                // `Display` of the error prints the line, which may contain a secret.
                checks.refuse(
                    &format!("{name}{position}"),
                    format!("not TOML: {}", error.message()),
                );
                return;
            }
        };
        for (section, value) in table {
            let known = catalogue::sections().contains(&section.as_str());
            let message = match value {
                toml::Value::Table(keys) if known => {
                    self.add_section(name, &section, keys, checks);
                    continue;
                }
                toml::Value::Table(_) => catalogue::unknown_section(&section),
                _ if known => format!(
                    "this is a section, not a key: write `[{section}]` and its keys below it"
                ),
                _ => match catalogue::entries().find(|entry| entry.key == section) {
                    Some(entry) => format!("not in a section: move it below `[{}]`", entry.section),
                    None => "unknown key, and not in a section: each key belongs below its section"
                        .to_owned(),
                },
            };
            checks.refuse_from(&section, Some(name), message);
        }
    }

    fn add_section(&mut self, name: &str, section: &str, keys: toml::Table, checks: &mut Checks) {
        for (key, value) in keys {
            let nested = format!("{section}.{key}");
            let message = match value {
                value
                    if section == catalogue::ROLES || catalogue::find(section, &key).is_some() =>
                {
                    self.set(section, &key, Value::Toml(value), name);
                    continue;
                }
                toml::Value::Table(keys) if catalogue::sections().contains(&nested.as_str()) => {
                    self.add_section(name, &nested, keys, checks);
                    continue;
                }
                toml::Value::Table(_) => catalogue::unknown_section(&nested),
                _ => catalogue::unknown_key(section, &key),
            };
            checks.refuse_from(&nested, Some(name), message);
        }
    }

    /// Adds environment variables, overriding earlier values. An empty variable counts as unset.
    pub(super) fn add_environment(&mut self, environment: &Environment, checks: &mut Checks) {
        // `DATABASE_URL` sorts before every `MUNJIGI_` name, so `MUNJIGI_DATABASE__URL` overrides it.
        let set = environment.iter().filter(|(variable, value)| {
            let is_known = [catalogue::PREFIX, DATABASE_URL].map(|name| variable.starts_with(name));
            is_known.contains(&true) && !value.is_empty()
        });
        for (variable, value) in set {
            if variable.starts_with(&format!("{}ROLES__", catalogue::PREFIX)) {
                checks.refuse(
                    variable,
                    "roles can be set in the file only: write them below `[roles]`",
                );
                continue;
            }
            let known = if variable == DATABASE_URL {
                catalogue::find("database", "url")
            } else {
                catalogue::find_variable(variable)
            };
            let (section, key, instead_of) =
                match (known, secret_files::named_by(variable, DATABASE_URL)) {
                    (Some(entry), _) => (entry.section, entry.key, None),
                    (None, Some((secret, direct))) => (secret.section, secret.key, Some(direct)),
                    (None, None) if variable.starts_with(catalogue::PREFIX) => {
                        checks.refuse(variable, catalogue::unknown_variable(variable));
                        continue;
                    }
                    (None, None) => continue,
                };
            let path = format!("{section}.{key}");
            let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
            if let Some(direct) = instead_of.filter(|direct| is_set(direct)) {
                let message = format!("`{direct}` is set too: remove one of the two");
                checks.refuse_from(&path, Some(variable), message);
                continue;
            }
            match value.to_str() {
                Some(text) if instead_of.is_some() => {
                    self.set(section, key, secret_files::value_of(text), variable);
                }
                Some(text) => self.set(section, key, Value::Text(text.to_owned()), variable),
                None => checks.refuse_from(&path, Some(variable), "not UTF-8 text"),
            }
        }
    }

    /// Adds the credentials that systemd provides. A key that is set elsewhere too is refused.
    pub(super) fn add_credentials(&mut self, environment: &Environment, checks: &mut Checks) {
        let directory = environment.get(CREDENTIALS_DIRECTORY);
        let Some(directory) = directory.filter(|path| !path.is_empty()) else {
            return;
        };
        for secret in &SECRETS {
            let path = Path::new(directory).join(secret.credential);
            let origin = format!("credential {}", secret.credential);
            let message = match path.try_exists() {
                Ok(false) => continue,
                Ok(true) => match self.origin_unless_empty(secret.section, secret.key) {
                    None => {
                        let value = secret_files::value_of(&path.to_string_lossy());
                        self.set(secret.section, secret.key, value, &origin);
                        continue;
                    }
                    Some(other) => format!("`{other}` sets it too: remove one of the two"),
                },
                Err(error) => format!("the file {} cannot be read: {error}", path.display()),
            };
            checks.refuse_from(&secret.path(), Some(&origin), message);
        }
    }

    /// Replaces each secret that names a file by the content of the file, or moves it to the key for the path.
    pub(super) fn read_files(&mut self, checks: &mut Checks) {
        for secret in &SECRETS {
            let (section, key) = (secret.section, secret.key);
            let Some((value, origin)) = self.find(section, key).cloned() else {
                continue;
            };
            let message = match secret.resolved(value) {
                Ok(Resolved::Unchanged) => continue,
                Ok(Resolved::Content(value)) => {
                    self.set(section, key, value, &origin);
                    continue;
                }
                Ok(Resolved::Path(file_key, path)) => {
                    self.remove(section, key);
                    if self.origin_unless_empty(section, file_key).is_none() {
                        self.set(section, file_key, path, &origin);
                        continue;
                    }
                    format!("`{section}.{file_key}` is set too: remove one of the two")
                }
                Err(message) => message,
            };
            checks.refuse_from(&secret.path(), Some(&origin), message);
            self.remove(section, key);
        }
    }

    fn find(&self, section: &str, key: &str) -> Option<&(Value, String)> {
        self.sections.get(section)?.get(key)
    }

    fn origin_unless_empty(&self, section: &str, key: &str) -> Option<&str> {
        let (value, origin) = self.find(section, key)?;
        (!value.is_empty()).then_some(origin)
    }

    fn set(&mut self, section: &str, key: &str, value: Value, origin: &str) {
        self.sections
            .entry(section.to_owned())
            .or_default()
            .insert(key.to_owned(), (value, origin.to_owned()));
    }

    /// Removes a key, so that the other keys can still be read. Returns `true` if it was set.
    pub(super) fn remove(&mut self, section: &str, key: &str) -> bool {
        self.sections
            .get_mut(section)
            .is_some_and(|keys| keys.remove(key).is_some())
    }

    /// The origin of a key's value. `path` may also name a part of the value, such as `tokens.claims[1]`.
    pub(super) fn origin(&self, path: &str) -> Option<String> {
        let (section, key) = catalogue::section_and_key(path);
        let (_, origin) = self.sections.get(section)?.get(key)?;
        Some(origin.clone())
    }

    /// The values without their origins.
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

/// Name and text of the file at `path`, or of `munjigi.toml` in the working directory if it exists.
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

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(super) fn process_environment() -> Environment {
    std::env::vars_os()
        .map(|(name, value)| (OsStr::to_string_lossy(&name).into_owned(), value))
        .collect()
}

/// The position of a byte offset, as `, line 3, column 5`.
fn position(text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!(", line {line}, column {column}")
}
