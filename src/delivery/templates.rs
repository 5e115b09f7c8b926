//! The templates of mails: the built-in ones, each of which a file of the same name in `smtp.templates_dir` replaces. The
//! directory is checked when the server starts: every mail is rendered with sample values.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use minijinja::{
    AutoEscape, Environment, Error as TemplateDefect, ErrorKind, Output, State, UndefinedBehavior,
    Value as Rendering, escape_formatter, value::Serde,
};
use serde_json::Value;

use crate::delivery::samples::{essential, samples};
use crate::domain::delivery::MailTemplate;
use crate::domain::language::Language;

macro_rules! built_in {
    ($($name:literal,)+) => {
        /// The built-in templates, by the names of their files.
        pub const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../templates/mail/", $name))),)+];
    };
}

built_in! {
    "base.html",
    "change.en.html", "change.en.txt", "change.html", "change.ko.html", "change.ko.txt",
    "code.html",
    "confirm.en.html", "confirm.en.txt", "confirm.ko.html", "confirm.ko.txt",
    "link.en.html", "link.en.txt", "link.html", "link.ko.html", "link.ko.txt",
    "otp.en.html", "otp.en.txt", "otp.ko.html", "otp.ko.txt",
    "reuse.en.html", "reuse.en.txt", "reuse.html", "reuse.ko.html", "reuse.ko.txt",
    "test.en.html", "test.en.txt", "test.ko.html", "test.ko.txt",
}

/// Names of the template language, which are no placeholders.
const SYNTAX: [&str; 4] = ["range", "loop", "self", "super"];

/// Why templates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The directory, or a file in it, cannot be read.
    #[error("smtp.templates_dir: {path} cannot be read: {source}")]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file has a name that no template has.
    #[error(
        "smtp.templates_dir: there is no template with the name {name}; `munjigi mail templates DIR` writes all"
    )]
    UnknownFile {
        /// The name of the file.
        name: String,
    },
    /// A template uses a value that its mail does not have.
    #[error(
        "smtp.templates_dir: {file}: unknown placeholder {{{{ {name} }}}}; this mail has {known}"
    )]
    UnknownPlaceholder {
        /// The name of the file.
        file: String,
        /// The placeholder.
        name: String,
        /// The placeholders of the mail.
        known: String,
    },
    /// A template does not contain what its mail is sent for.
    #[error("smtp.templates_dir: {file}: the placeholder {{{{ {name} }}}} is missing")]
    MissingPlaceholder {
        /// The name of the file.
        file: String,
        /// The placeholder.
        name: &'static str,
    },
    /// A text template does not begin with a subject.
    #[error(
        "smtp.templates_dir: {file}: the first line must be `Subject: …`, and the second one empty"
    )]
    NoSubject {
        /// The name of the file.
        file: String,
    },
    /// A template cannot be parsed or rendered.
    #[error("smtp.templates_dir: {file}: {reason}")]
    Invalid {
        /// The name of the file.
        file: String,
        /// The reason, with the line.
        reason: String,
    },
}

/// A mail without its headers.
#[derive(Debug)]
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// The templates.
pub struct Templates(Environment<'static>);

impl Templates {
    /// Reads and checks the templates of a directory over the built-in ones.
    ///
    /// # Errors
    /// [`TemplateError`], which names the file.
    pub fn load(directory: Option<&Path>) -> Result<Self, TemplateError> {
        let mut sources: BTreeMap<String, String> = BUILT_IN
            .iter()
            .map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
            .collect();
        if let Some(directory) = directory {
            for (name, source) in files(directory)? {
                if !sources.contains_key(&name) {
                    return Err(TemplateError::UnknownFile { name });
                }
                sources.insert(name, source);
            }
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(format);
        for (name, source) in sources {
            environment
                .add_template_owned(name.clone(), source)
                .map_err(|error| invalid(&name, &error))?;
        }
        let templates = Self(environment);
        templates.check()?;
        Ok(templates)
    }

    fn check(&self) -> Result<(), TemplateError> {
        let mut shared: BTreeSet<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        let mut all = Vec::new();
        for mail in MailTemplate::ALL {
            for language in [Language::Ko, Language::En] {
                let samples = samples(mail, language);
                for format in ["txt", "html"] {
                    let file = file(mail, language, format);
                    self.check_placeholders(&file, &samples)?;
                    shared.remove(file.as_str());
                }
                all.extend(samples);
            }
        }
        // Those that others extend.
        for file in shared {
            self.check_placeholders(file, &all)?;
        }
        for mail in MailTemplate::ALL {
            for language in [Language::Ko, Language::En] {
                for sample in samples(mail, language) {
                    let rendered = self.render(mail, language, &sample)?;
                    check_essential(mail, language, &sample, &rendered)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses unknown placeholders, also in parts that no sample reaches.
    fn check_placeholders(&self, file: &str, samples: &[Value]) -> Result<(), TemplateError> {
        let template = self
            .0
            .get_template(file)
            .map_err(|error| invalid(file, &error))?;
        let known: BTreeSet<&str> = samples
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|values| values.keys().map(String::as_str))
            .chain((file.rsplit('.').next() == Some("html")).then_some("subject"))
            .collect();
        let used: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
        let is_known =
            |name: &String| known.contains(name.as_str()) || SYNTAX.contains(&name.as_str());
        match used.into_iter().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => Err(TemplateError::UnknownPlaceholder {
                file: file.to_owned(),
                name,
                known: known.into_iter().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// Renders a mail with these values.
    ///
    /// # Errors
    /// [`TemplateError`], which names the file.
    pub fn render(
        &self,
        mail: MailTemplate,
        language: Language,
        values: &Value,
    ) -> Result<Rendered, TemplateError> {
        let name = file(mail, language, "txt");
        let text = self.render_file(&name, values)?;
        let (subject, text) = text
            .strip_prefix("Subject: ")
            .and_then(|text| text.split_once("\n\n"))
            .filter(|(subject, _)| !subject.trim().is_empty() && !subject.contains('\n'))
            .ok_or(TemplateError::NoSubject { file: name })?;
        let mut values = values.clone();
        values["subject"] = subject.into();
        Ok(Rendered {
            html: self.render_file(&file(mail, language, "html"), &values)?,
            subject: subject.to_owned(),
            text: text.to_owned(),
        })
    }

    fn render_file(&self, name: &str, values: &Value) -> Result<String, TemplateError> {
        let template = self.0.get_template(name);
        let rendered = template.and_then(|template| template.render(Serde(values)));
        rendered.map_err(|error| invalid(name, &error))
    }
}

/// The name of a file: `link.ko.html`.
fn file(mail: MailTemplate, language: Language, format: &str) -> String {
    format!("{mail}.{}.{format}", language.tag())
}

/// The files of a directory with their texts. Hidden files and directories are left out.
fn files(directory: &Path) -> Result<Vec<(String, String)>, TemplateError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| TemplateError::Unreadable { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = entry.map_err(unreadable(directory))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || path.is_dir() {
            continue;
        }
        let source = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
        files.push((name.into_owned(), source.replace("\r\n", "\n")));
    }
    files.sort();
    Ok(files)
}

/// What the mail is sent for must be in its text and in its HTML.
fn check_essential(
    mail: MailTemplate,
    language: Language,
    sample: &Value,
    rendered: &Rendered,
) -> Result<(), TemplateError> {
    let Some(name) = essential(mail) else {
        return Ok(());
    };
    let value = sample[name].as_str().unwrap_or_default();
    for (format, body) in [("txt", &rendered.text), ("html", &rendered.html)] {
        if !body.contains(value) {
            let file = file(mail, language, format);
            return Err(TemplateError::MissingPlaceholder { file, name });
        }
    }
    Ok(())
}

/// An error of a template; it may be in a template that this one extends.
fn invalid(file: &str, error: &TemplateDefect) -> TemplateError {
    let file = error.name().unwrap_or(file).to_owned();
    let line = error.line().map(|line| format!("line {line}: "));
    let detail = error.detail().map(|detail| format!(": {detail}"));
    let (line, detail) = (line.unwrap_or_default(), detail.unwrap_or_default());
    let reason = format!("{line}{}{detail}", error.kind());
    TemplateError::Invalid { file, reason }
}

/// Escapes the values of HTML. The formatter of the engine escapes slashes too, which makes links unreadable.
fn format(out: &mut Output, state: &mut State, value: &Rendering) -> Result<(), TemplateDefect> {
    let (AutoEscape::Html, Some(text), false) =
        (state.auto_escape(), value.as_str(), value.is_safe())
    else {
        return escape_formatter(out, state, value);
    };
    let failed = |_| TemplateDefect::new(ErrorKind::WriteFailure, "out of memory");
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&#34;"),
            '\'' => out.write_str("&#39;"),
            c => out.write_fmt(format_args!("{c}")),
        }
        .map_err(failed)?;
    }
    Ok(())
}
