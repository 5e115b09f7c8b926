//! Which keys there are, as the example lists them, and how they are written in a file and in the environment. The
//! example is held complete by a test, so it is the one list of keys beside the structs.

use crate::config::EXAMPLE;

/// How the environment variables of munjigi begin.
pub(super) const PREFIX: &str = "MUNJIGI_";

/// A key, with its default as the example writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The section, without brackets.
    pub(super) section: &'static str,
    /// The key within its section.
    pub(super) key: &'static str,
    /// The default, in TOML.
    pub(super) default: &'static str,
}

impl Entry {
    /// `section.key`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The environment variable of this key.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}__{}", self.section, self.key).to_uppercase()
    }

    /// The default as it would be written in the place that `origin` names; `None` where the default shows nothing.
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

/// All keys, in the order of the example.
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

/// The key of this section and name.
pub(super) fn find(section: &str, key: &str) -> Option<Entry> {
    entries().find(|entry| entry.section == section && entry.key == key)
}

/// The key of this environment variable.
pub(super) fn find_variable(variable: &str) -> Option<Entry> {
    entries().find(|entry| entry.variable() == variable)
}

/// All sections, in the order of the example.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = entries().map(|entry| entry.section).collect();
    sections.dedup();
    sections
}

/// What to write instead of a section that does not exist.
pub(super) fn remedy_for_section(section: &str) -> String {
    match nearest(section, sections()) {
        Some(name) => format!("unknown section: did you mean `[{name}]`?"),
        None => format!("unknown section: the sections are {}", list(&sections())),
    }
}

/// What to write instead of a key that its section does not have.
pub(super) fn remedy_for_key(section: &str, key: &str) -> String {
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

/// What to write instead of an environment variable that sets nothing.
pub(super) fn remedy_for_variable(variable: &str) -> String {
    if is_service_link(variable) {
        return "Kubernetes sets this variable for a service named munjigi: give the service another name, \
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
            "unknown variable: write `{PREFIX}SECTION__KEY`, as in `{PREFIX}SERVER__LISTEN`; the sections are {}",
            list(&sections())
        )
    } else {
        format!(
            "unknown variable: those of this section are {}",
            list(&of_section)
        )
    }
}

/// Whether Kubernetes makes a variable of this form for a service named munjigi.
fn is_service_link(variable: &str) -> bool {
    let rest = &variable[PREFIX.len()..];
    rest.starts_with("SERVICE_HOST") || rest.starts_with("SERVICE_PORT") || rest.starts_with("PORT")
}

/// The candidate that a slip of the fingers turns into `text`, if one is close.
fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 4).clamp(1, 4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Words in backticks, as a list.
pub(super) fn list(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
