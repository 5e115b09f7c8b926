//! `[database]`: the database URL and the connection pool.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::error::{Checks, check_ranges};
use crate::config::values::{InvalidValue, MASK, Span, parsed};

/// The database URL and the connection pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `None` means the file `munjigi.db` in `server.data_dir`.
    pub url: Option<Database>,
    /// Connections in the pool.
    pub pool_size: u32,
    /// How long a request waits for a free connection before the response is 503.
    pub acquire_timeout: Span,
    /// How long `SQLite` waits for a lock held by another process.
    pub busy_timeout: Span,
    /// How long the start waits for a Postgres server that cannot be reached yet.
    pub start_timeout: Span,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            pool_size: 8,
            acquire_timeout: Span::seconds(3),
            busy_timeout: Span::seconds(5),
            start_timeout: Span::minutes(1),
        }
    }
}

impl DatabaseConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        check_ranges!(checks, "database", self, {
            pool_size: 1..=200,
            acquire_timeout: Span::millis(100)..=Span::minutes(1),
            busy_timeout: Span::millis(100)..=Span::minutes(1),
            start_timeout: Span::seconds(0)..=Span::hours(1),
        });
    }
}

/// A database. The URL scheme alone decides which kind; a mistyped URL is an error.
///
/// `Debug`, `Display` and `Serialize` mask passwords in the URL.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// The path of a `SQLite` file.
    Sqlite(PathBuf),
    /// A `postgres://` URL, including its password.
    Postgres(String),
}

const FORMS: &str =
    "give `postgres://user:password@host/name`, `sqlite://path` or the path of a file";

const AMBIGUOUS: &str = "it contains `@` in the user name, password or database name: percent-encode their special \
    characters (`@` is `%40`, `/` is `%2F`, `:` is `%3A`, `%` is `%25`)";

impl FromStr for Database {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        if let Some(address) = postgres_address(text) {
            return if is_ambiguous(address) {
                Err(InvalidValue(AMBIGUOUS.to_owned()))
            } else {
                Ok(Self::Postgres(text.to_owned()))
            };
        }
        let path = text.strip_prefix("sqlite://").unwrap_or(text);
        let wrong = if text.contains("://") && path == text {
            "only Postgres and SQLite are supported".to_owned()
        } else if has_scheme(path) || path.starts_with(':') {
            "neither a database URL with `://` nor the path of a file".to_owned()
        } else if is_keyword_form(path) {
            "the `host=… port=…` form is not supported".to_owned()
        } else if path.is_empty() {
            "the path is empty".to_owned()
        } else if path != text && path.contains('?') {
            "options after `?` are not supported for SQLite".to_owned()
        } else {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        };
        Err(InvalidValue(format!("{wrong}: {FORMS}")))
    }
}

/// What follows the scheme of a Postgres URL.
fn postgres_address(text: &str) -> Option<&str> {
    text.strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
}

/// What libpq takes for the host and what follows it: the user name and password end at the first `@`, if it is before the
/// first `/`.
fn after_user_info(address: &str) -> &str {
    let authority = address.split('/').next().unwrap_or_default();
    match authority.find('@') {
        Some(at) => &address[at + 1..],
        None => address,
    }
}

/// Whether libpq would take a part of the password for the host.
fn is_ambiguous(address: &str) -> bool {
    let before_query = after_user_info(address).split('?').next();
    before_query.unwrap_or_default().contains('@')
}

/// A Postgres URL with further parameters.
pub(crate) fn with_parameters(url: &str, parameters: &str) -> String {
    let address = postgres_address(url).unwrap_or(url);
    let has_parameters = after_user_info(address).contains('?');
    let separator = if has_parameters { '&' } else { '?' };
    format!("{url}{separator}{parameters}")
}

/// A text without the passwords of a Postgres URL and without their parts between special characters.
pub(crate) fn without_passwords(url: &str, text: &str) -> String {
    let mut parts: Vec<String> = passwords(url)
        .iter()
        .flat_map(|password| {
            let between = password.split(|c: char| !c.is_alphanumeric());
            between.chain([password.as_str()]).map(str::to_owned)
        })
        // A shorter one would mask every other word, and is hardly a part of a password.
        .filter(|part| part.chars().count() >= 3)
        .collect();
    // The longer first: they contain the shorter.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
        .iter()
        .fold(text.to_owned(), |text, part| text.replace(part, MASK))
}

/// Everything in a Postgres URL that may be a password, as written and percent-decoded.
fn passwords(url: &str) -> Vec<String> {
    let address = postgres_address(url).unwrap_or(url);
    let user_info = address.rfind('@').map_or("", |at| &address[..at]);
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let parameters = query.split('&').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.contains("pass").then_some(value)
    });
    let written = user_info.split_once(':').map(|(_, password)| password);
    written
        .into_iter()
        .chain(parameters)
        .flat_map(|password| [password.to_owned(), percent_decoded(password)])
        .collect()
}

fn percent_decoded(text: &str) -> String {
    // A plus sign stands for itself in the URLs of libpq.
    let value = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    form_urlencoded::parse(value.as_bytes())
        .next()
        .map(|(decoded, _)| decoded.into_owned())
        .unwrap_or_default()
}

/// Whether the text starts with a URL scheme. A single letter before the colon is a Windows drive, not a scheme.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Whether the text starts like a libpq keyword string: a lower-case word and `=`.
fn is_keyword_form(text: &str) -> bool {
    text.split_once('=').is_some_and(|(word, _)| {
        let word = word.trim_end();
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    })
}

/// Masks the passwords in a URL: everything between the first colon and the last `@`, and password parameters.
///
/// A password that is not percent-encoded may contain `/`, `?` or `@`, so in doubt more is masked.
fn masked(address: &str) -> String {
    let start = address.find("://").map_or(0, |at| at + 3);
    // Ambiguous: either the password contains `?` or a parameter contains `@`.
    if address[start..]
        .split_once('?')
        .is_some_and(|(_, query)| query.contains('@'))
    {
        return format!("{}{MASK}", &address[..start]);
    }
    let mut shown = address.to_owned();
    if let Some(end) = address.rfind('@').filter(|end| *end >= start)
        && let Some(colon) = address[start..end].find(':')
    {
        shown.replace_range(start + colon + 1..end, MASK);
    }
    let Some((head, query)) = shown.split_once('?') else {
        return shown;
    };
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if name.contains("pass") => format!("{name}={MASK}"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{head}?{}", parameters.join("&"))
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(address) => f.write_str(&masked(address)),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(address) => f.debug_tuple("Postgres").field(&masked(address)).finish(),
        }
    }
}

impl Serialize for Database {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Database {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_selects_the_database() {
        for (text, path) in [
            ("sqlite://var/a.db", "var/a.db"),
            ("sqlite:///var/a.db", "/var/a.db"),
            ("/var/a.db", "/var/a.db"),
            ("a.db", "a.db"),
            ("./year=2026/a.db", "./year=2026/a.db"),
            ("C:\\munjigi\\a.db", "C:\\munjigi\\a.db"),
        ] {
            assert_eq!(text.parse(), Ok(Database::Sqlite(path.into())), "{text}");
        }
        for text in ["postgres://u:p@h/n", "postgresql:///n"] {
            assert_eq!(text.parse(), Ok(Database::Postgres(text.into())), "{text}");
        }
    }

    #[test]
    fn an_invalid_url_is_rejected_without_repeating_it() {
        for text in [
            "mysql://root:hunter2@h/n",
            "sqlite:hunter2.db",
            "file:hunter2.db",
            "postgres:hunter2",
            "POSTGRES://u:hunter2@h/n",
            "sqlite://sqlite://hunter2",
            "sqlite://",
            ":memory:",
            "sqlite://:memory:",
            "sqlite://hunter2?mode=ro",
            "host=h port=1 password=hunter2",
            "password = hunter2",
        ] {
            let message = text.parse::<Database>().unwrap_err().to_string();
            assert!(
                message.contains("postgres://user:password@host/name"),
                "{text}"
            );
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_password_with_an_at_sign_or_a_slash_must_be_percent_encoded() {
        for text in [
            "postgres://munjigi:Summer@2026Secret@127.0.0.1:5432/n",
            "postgresql://munjigi:Summer/2026@h/n",
            "postgres://munjigi@tenant:Summer@h/n",
            "postgres://@@h/n",
        ] {
            let message = text.parse::<Database>().unwrap_err().to_string();
            assert!(message.contains("percent-encode"), "{message}");
            assert!(
                !message.contains("Summer") && !message.contains("2026"),
                "{message}"
            );
        }
        for text in [
            "postgres://munjigi:Summer%402026Secret@h/n",
            "postgres://u:a?b:c@h/n",
            "postgres://h:1/n?user=app@tenant&password=x",
            "postgres://u@%2Fvar%2Frun/n",
        ] {
            assert!(text.parse::<Database>().is_ok(), "{text}");
        }
    }

    #[test]
    fn parameters_are_added_to_those_that_a_url_has() {
        for (url, longer) in [
            ("postgres://u@h/n", "postgres://u@h/n?x=y"),
            ("postgres://u:a?b@h/n", "postgres://u:a?b@h/n?x=y"),
            ("postgres://h/n?user=a@b", "postgres://h/n?user=a@b&x=y"),
            ("postgres:///n?host=/run", "postgres:///n?host=/run&x=y"),
        ] {
            assert_eq!(with_parameters(url, "x=y"), longer);
        }
    }

    #[test]
    fn no_part_of_a_password_remains_in_a_message() {
        for (url, text, shown) in [
            (
                "postgres://u:Summer@2026Secret@h/n",
                "no host \"2026Secret@h\", Summer",
                "no host \"********@h\", ********",
            ),
            (
                "postgres://u:Sum%2Fmer-2026@h/n",
                "Sum/mer-2026, Sum%2Fmer-2026, mer",
                "********, ********, ********",
            ),
            (
                "postgres://u@h/n?password=hunter2&x=y",
                "hunter2 y",
                "******** y",
            ),
            ("postgres://u@h/n", "u h n", "u h n"),
        ] {
            assert_eq!(without_passwords(url, text), shown);
        }
    }

    #[test]
    fn passwords_are_masked_in_every_output() {
        for (address, shown) in [
            (
                "postgres://u:hunter2@h:5432/n",
                "postgres://u:********@h:5432/n",
            ),
            // Ambiguous: the password or a parameter.
            ("postgres://u:hun/ter2?@x@h/n", "postgres://********"),
            (
                "postgres://h:1/n?user=app@tenant&password=hunter2",
                "postgres://********",
            ),
            ("postgres://:hunter2@h/n", "postgres://:********@h/n"),
            (
                "postgres://u@h/n?sslmode=require&password=hunter2&sslpassword=hunter2",
                "postgres://u@h/n?sslmode=require&password=********&sslpassword=********",
            ),
            ("postgres://u@h:5432/n", "postgres://u@h:5432/n"),
            ("postgres://h1:1,h2:2/n", "postgres://h1:1,h2:2/n"),
        ] {
            let database = Database::Postgres(address.to_owned());
            assert_eq!(database.to_string(), shown);
            assert_eq!(format!("{database:?}"), format!("Postgres({shown:?})"));
            assert_eq!(serde_json::json!(database), serde_json::json!(shown));
        }
    }
}
