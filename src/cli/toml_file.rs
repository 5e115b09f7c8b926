//! A configuration file that a command writes, line by line with comments, so that it can be loaded.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::config::Config;

/// The file.
#[derive(Default)]
pub(super) struct TomlFile {
    lines: Vec<Line>,
    left_out: Vec<String>,
}

/// A line of the file.
struct Line {
    section: &'static str,
    /// The setting of another program that it is made from.
    name: String,
    /// The key and its value; `None` for a comment alone.
    entry: Option<(&'static str, toml::Value)>,
    comment: Option<String>,
}

/// A finished file.
pub(super) struct Written {
    /// Its text.
    pub(super) text: String,
    /// The names of settings that are comments only.
    pub(super) left_out: Vec<String>,
}

impl TomlFile {
    /// Writes a key.
    pub(super) fn set(
        &mut self,
        name: &str,
        section: &'static str,
        key: &'static str,
        value: impl Into<toml::Value>,
    ) {
        self.lines.push(Line {
            section,
            name: name.to_owned(),
            entry: Some((key, value.into())),
            comment: None,
        });
    }

    /// Writes a comment above the line that was written last.
    pub(super) fn warn(&mut self, text: &str) {
        if let Some(line) = self.lines.last_mut() {
            line.comment = Some(format!("{}: {text}", line.name));
        }
    }

    /// Writes a comment only.
    pub(super) fn note(&mut self, name: &str, section: &'static str, text: &str) {
        self.lines.push(Line {
            section,
            name: name.to_owned(),
            entry: None,
            comment: Some(format!("{name}: {text}")),
        });
    }

    /// Writes a comment about a setting that has no equivalent.
    pub(super) fn leave_out(&mut self, name: &str, section: &'static str, why: &str) {
        self.left_out.push(name.to_owned());
        self.note(name, section, why);
    }

    /// The file. A line that the configuration refuses is made a comment with the reason.
    pub(super) fn finish(mut self) -> Written {
        loop {
            let text = self.text();
            let Err(error) = Config::check_text(&text) else {
                return Written {
                    text,
                    left_out: self.left_out,
                };
            };
            let mut is_changed = false;
            for problem in error.problems() {
                let refused = self.lines.iter_mut().find(|line| {
                    line.entry
                        .as_ref()
                        .is_some_and(|(key, _)| format!("{}.{key}", line.section) == problem.key)
                });
                if let Some(line) = refused {
                    let entry = line.entry.take();
                    let value = entry.map_or_else(String::new, |(_, value)| value.to_string());
                    line.comment = Some(format!("{}: {value}: {}", line.name, problem.message));
                    self.left_out.push(line.name.clone());
                    is_changed = true;
                }
            }
            if !is_changed {
                // No line is at fault: the problem is shown when the file is used.
                return Written {
                    text,
                    left_out: self.left_out,
                };
            }
        }
    }

    fn text(&self) -> String {
        let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        sections.insert("simplejwt", vec!["enabled = true".to_owned()]);
        for line in &self.lines {
            let lines = sections.entry(line.section).or_default();
            lines.extend(line.comment.as_ref().map(|comment| format!("# {comment}")));
            lines.extend(
                line.entry
                    .as_ref()
                    .map(|(key, value)| format!("{key} = {value}")),
            );
        }
        let mut text = String::from("# From SIMPLE_JWT, by `munjigi config from-simplejwt`.\n");
        for section in ["tokens", "simplejwt", "django"] {
            if let Some(lines) = sections.get(section) {
                let _ = write!(text, "\n[{section}]\n{}\n", lines.join("\n"));
            }
        }
        text
    }
}
