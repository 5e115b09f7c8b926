//! Secrets from files. The value of a secret key is `file:PATH`, a variable `MUNJIGI_…_FILE` has the path, or systemd
//! provides the file as a credential: each becomes the value `file:PATH`, which is replaced by the content of the file. A
//! secret with a key of its own for its file (`server.master_key_file`) becomes the value of that key instead.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use crate::config::catalogue::PREFIX;
use crate::config::reader::Value;

/// A key whose value is a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SecretKey {
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    /// The name of its credential (systemd.exec(5)).
    pub(super) credential: &'static str,
    /// The key for the path of its file, if there is one.
    pub(super) file_key: Option<&'static str>,
}

const fn secret(
    section: &'static str,
    key: &'static str,
    credential: &'static str,
    file_key: Option<&'static str>,
) -> SecretKey {
    SecretKey {
        section,
        key,
        credential,
        file_key,
    }
}

/// What the value of a secret key becomes.
pub(super) enum Resolved {
    /// It names no file.
    Unchanged,
    /// The content of its files.
    Content(Value),
    /// The path of its file, for the key of that.
    Path(&'static str, Value),
}

/// Every key whose value is a secret.
pub(super) static SECRETS: [SecretKey; 8] = [
    secret(
        "server",
        "master_key",
        "master_key",
        Some("master_key_file"),
    ),
    secret(
        "server",
        "previous_master_keys",
        "previous_master_key",
        None,
    ),
    secret("database", "url", "database_url", None),
    secret(
        "django",
        "secret_key",
        "django_secret_key",
        Some("secret_key_file"),
    ),
    secret("smtp", "password", "smtp_password", None),
    secret("webhook", "url", "webhook_url", None),
    secret("webhook", "secret", "webhook_secret", None),
    secret("traces", "headers", "traces_headers", None),
];

/// The beginning of a value that names a file.
const SCHEME: &str = "file:";
/// The end of the name of a variable that names a file.
const SUFFIX: &str = "_FILE";
/// The largest file that is read.
const MAX_BYTES: u64 = 64 * 1024;

impl SecretKey {
    /// `section.key`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    fn variable(&self) -> String {
        format!("{PREFIX}{}__{}", self.section, self.key).to_uppercase()
    }

    /// What its value becomes. The files that it names are read.
    ///
    /// # Errors
    /// A message that names a file that cannot be read.
    pub(super) fn resolved(&self, value: Value) -> Result<Resolved, String> {
        match value {
            Value::Text(text) if self.is_list() => {
                let items = text.split(',').map(|item| item.trim().to_owned().into());
                items_with_content(items.collect())
            }
            Value::Text(text) | Value::Toml(toml::Value::String(text)) => {
                let Some(path) = path_in(&text) else {
                    return Ok(Resolved::Unchanged);
                };
                if let Some(file_key) = self.file_key {
                    bytes(path)?;
                    let path = Value::Text(path.display().to_string());
                    return Ok(Resolved::Path(file_key, path));
                }
                Ok(Resolved::Content(Value::Toml(content(path)?.into())))
            }
            Value::Toml(toml::Value::Array(items)) => items_with_content(items),
            Value::Toml(_) => Ok(Resolved::Unchanged),
        }
    }

    fn is_list(&self) -> bool {
        self.key == "previous_master_keys"
    }
}

/// The secret key whose file this variable names, and the variable that would have the secret itself.
pub(super) fn named_by<'a>(
    variable: &'a str,
    alias: &str,
) -> Option<(&'static SecretKey, &'a str)> {
    let direct = variable.strip_suffix(SUFFIX)?;
    let is_named = |secret: &&SecretKey| {
        secret.variable() == direct || (direct == alias && secret.credential == "database_url")
    };
    Some((SECRETS.iter().find(is_named)?, direct))
}

/// The value that stands for the content of a file.
pub(super) fn value_of(path: &str) -> Value {
    Value::Text(format!("{SCHEME}{path}"))
}

fn items_with_content(items: Vec<toml::Value>) -> Result<Resolved, String> {
    let mut names_any = false;
    let read = items.into_iter().map(|item| {
        let Some(path) = item.as_str().and_then(path_in) else {
            return Ok(item);
        };
        names_any = true;
        Ok(toml::Value::String(content(path)?))
    });
    let read = read.collect::<Result<Vec<_>, String>>()?;
    Ok(if names_any {
        Resolved::Content(Value::Toml(toml::Value::Array(read)))
    } else {
        Resolved::Unchanged
    })
}

/// The path that a value names; `None` if it is the secret itself.
fn path_in(value: &str) -> Option<&Path> {
    let path = value.strip_prefix(SCHEME)?;
    Some(Path::new(path.trim()))
}

/// The text of a file without the line ends at its end. Errors name the path and never the content.
fn content(path: &Path) -> Result<String, String> {
    let Ok(text) = String::from_utf8(bytes(path)?) else {
        return Err(format!("the file {} is not UTF-8 text", path.display()));
    };
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// The content of a file, which has more than blanks.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    if path.as_os_str().is_empty() {
        return Err(format!("there is no path after `{SCHEME}`"));
    }
    let mut bytes = Vec::new();
    let opened = File::open(path);
    let read = opened.and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 > MAX_BYTES => {
            Err(format!("the file {shown} has more than {MAX_BYTES} bytes"))
        }
        Ok(_) if bytes.trim_ascii().is_empty() => Err(format!("the file {shown} is empty")),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(format!("the file {shown} does not exist"))
        }
        Err(error) => Err(format!("the file {shown} cannot be read: {error}")),
    }
}
