//! The list of all keys, parsed from `example.toml`, with their environment variables and suggestions for misspelled
//! names. A test checks that the example has exactly the keys of the structs.

/// `example.toml`: every key with its default. Printed by `munjigi config example`.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The section whose keys are names that the operator chooses. Only the file can set it.
pub(super) const ROLES: &str = "roles";

/// The prefix of the environment variables.
pub(super) const PREFIX: &str = "MUNJIGI_";

/// A key with its default as written in the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Without brackets.
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    /// In TOML.
    pub(super) default: &'static str,
}

impl Entry {
    /// The environment variable that sets this key.
    pub(super) fn variable(&self) -> String {
        let section = self.section.replace('.', "_");
        format!("{PREFIX}{section}__{}", self.key).to_uppercase()
    }

    /// The default as a line of a file, or as a variable if `origin` is this key's variable. `None` if the default is
    /// empty.
    pub(super) fn example(&self, origin: &str) -> Option<String> {
        if matches!(self.default, "\"\"" | "[]" | "{}") {
            return None;
        }
        if origin != self.variable() {
            return Some(format!("{} = {}", self.key, self.default));
        }
        let bare: String = self
            .default
            .chars()
            .filter(|c| !matches!(c, '"' | '[' | ']' | ' '))
            .collect();
        Some(format!("{origin}={bare}"))
    }
}

/// All keys in the order of the example.
pub(super) fn entries() -> impl Iterator<Item = Entry> {
    let mut section = "";
    EXAMPLE.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            return None;
        }
        let (key, default) = line.strip_prefix("# ")?.split_once(" = ")?;
        Some(Entry {
            section,
            key: key.trim_end(),
            default,
        })
    })
}

pub(super) fn find(section: &str, key: &str) -> Option<Entry> {
    entries().find(|entry| entry.section == section && entry.key == key)
}

pub(super) fn find_variable(variable: &str) -> Option<Entry> {
    entries().find(|entry| entry.variable() == variable)
}

/// All sections in the order of the example.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = entries().map(|entry| entry.section).collect();
    sections.dedup();
    sections
}

/// The section and the key of a path, which may also name a part of the value, such as `tokens.claims[1]`.
pub(super) fn section_and_key(path: &str) -> (&str, &str) {
    let is_prefix = |section: &&str| {
        let rest = path.strip_prefix(section);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    // `tokens.user` before `tokens`.
    let length = sections().into_iter().filter(is_prefix).map(str::len).max();
    let length = length.or_else(|| path.find(['.', '[']));
    let (section, rest) = path.split_at(length.unwrap_or(path.len()));
    let rest = rest.get(1..).unwrap_or_default();
    (section, rest.split(['.', '[']).next().unwrap_or_default())
}

/// The error message for an unknown section.
pub(super) fn unknown_section(section: &str) -> String {
    match nearest(section, sections()) {
        Some(name) => format!("unknown section: did you mean `[{name}]`?"),
        None => format!("unknown section: the sections are {}", list(&sections())),
    }
}

/// The error message for an unknown key.
pub(super) fn unknown_key(section: &str, key: &str) -> String {
    let keys: Vec<_> = entries()
        .filter(|entry| entry.section == section)
        .map(|entry| entry.key)
        .collect();
    if let Some(elsewhere) = entries().find(|entry| entry.key == key) {
        return format!(
            "unknown key: `{key}` belongs under `[{}]`",
            elsewhere.section
        );
    }
    match nearest(key, keys.clone()) {
        Some(name) => format!("unknown key: did you mean `{name}`?"),
        None => format!("unknown key: the keys of `[{section}]` are {}", list(&keys)),
    }
}

/// The error message for an unknown environment variable.
pub(super) fn unknown_variable(variable: &str) -> String {
    if is_service_link(variable) {
        return "Kubernetes sets this variable for a service named `munjigi`: rename the service, \
                or set `enableServiceLinks: false` in the pod"
            .to_owned();
    }
    let variables: Vec<_> = entries().map(|entry| entry.variable()).collect();
    if let Some(name) = nearest(variable, variables.iter().map(String::as_str)) {
        return format!("unknown variable: did you mean `{name}`?");
    }
    let section = variable[PREFIX.len()..].split("__").next().unwrap_or("");
    let start = format!("{PREFIX}{section}__");
    let of_section: Vec<_> = variables
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with(&start))
        .collect();
    if of_section.is_empty() {
        format!(
            "unknown variable: write `{PREFIX}SECTION__KEY`, for example `{PREFIX}SERVER__LISTEN`; the sections are {}",
            list(&sections())
        )
    } else {
        format!(
            "unknown variable: the variables of this section are {}",
            list(&of_section)
        )
    }
}

/// Whether Kubernetes sets a variable of this form for a service named `munjigi`.
fn is_service_link(variable: &str) -> bool {
    let rest = &variable[PREFIX.len()..];
    rest.starts_with("SERVICE_HOST") || rest.starts_with("SERVICE_PORT") || rest.starts_with("PORT")
}

/// The candidate with the smallest edit distance to `text`, if it is close enough to be a typing error.
fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 4).clamp(1, 4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The words in backticks, separated by commas.
pub(super) fn list(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
