//! `munjigi mail`: trying the settings of `[smtp]`, and the templates of mails.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;

use crate::cli::accounts::argument;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::{BUILT_IN_TEMPLATES, Templates, sample, send_test};
use crate::domain::account::Email;
use crate::domain::delivery::MailTemplate;
use crate::domain::language::Language;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Send a test mail and print the answer of the mail server; exit code 1 if it was not accepted
    Test {
        /// The address to send it to
        #[arg(value_name = "TO", value_parser = argument(Email::parse))]
        to: Email,
        /// The language of the mail: ko or en [default: language.default]
        #[arg(long, value_name = "LANGUAGE", value_parser = language)]
        language: Option<Language>,
    },
    /// Print a mail with sample values, by the templates of `smtp.templates_dir` and the built-in ones
    Preview {
        /// The mail: otp, link, change, reuse or test
        #[arg(value_name = "NAME", value_parser = template)]
        name: MailTemplate,
        /// The language of the mail: ko or en [default: language.default]
        #[arg(long, value_name = "LANGUAGE", value_parser = language)]
        language: Option<Language>,
        /// What is printed: the text with the subject, or the HTML
        #[arg(long, default_value = "text", value_parser = ["text", "html"])]
        format: String,
    },
    /// Write the built-in templates into a directory, as a start for your own
    ///
    /// Delete those that you do not change: a later version may improve the built-in ones. Existing files are not overwritten.
    Templates {
        /// The directory, which is created if it does not exist
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// A parser of the option `--language`.
pub(super) fn language(word: &str) -> Result<Language, String> {
    Language::from_tag(word).ok_or_else(|| "give ko or en".to_owned())
}

/// A parser of the name of a mail.
fn template(word: &str) -> Result<MailTemplate, String> {
    MailTemplate::from_word(word).ok_or_else(|| format!("give {}", MailTemplate::NAMES.join(", ")))
}

pub(super) async fn run(config: &Config, verb: Verb) -> Result<ExitCode, CliError> {
    let language_or_default =
        |language: Option<Language>| language.unwrap_or(config.language.default);
    match verb {
        Verb::Test { to, language } => test(config, &to, language_or_default(language)).await,
        Verb::Preview {
            name,
            language,
            format,
        } => preview(config, name, language_or_default(language), &format),
        Verb::Templates { directory } => write_templates(&directory),
    }
}

fn preview(
    config: &Config,
    mail: MailTemplate,
    language: Language,
    format: &str,
) -> Result<ExitCode, CliError> {
    let templates = Templates::load(config.smtp.templates_dir.as_deref());
    let templates = templates.map_err(CliError::refused)?;
    let rendered = templates
        .render(mail, language, &sample(mail, language))
        .map_err(CliError::refused)?;
    match format {
        "html" => output::line(rendered.html.trim_end()),
        _ => output::line(&format!(
            "Subject: {}\n\n{}",
            rendered.subject,
            rendered.text.trim_end()
        )),
    }
}

fn write_templates(directory: &Path) -> Result<ExitCode, CliError> {
    let refused = |path: &Path, error: &io::Error| {
        CliError::Refused(format!("{} cannot be written: {error}", path.display()))
    };
    fs::create_dir_all(directory).map_err(|error| refused(directory, &error))?;
    for (name, source) in BUILT_IN_TEMPLATES {
        let path = directory.join(name);
        let file = fs::File::create_new(&path);
        file.and_then(|mut file| file.write_all(source.as_bytes()))
            .map_err(|error| refused(&path, &error))?;
    }
    output::line(&format!(
        "{} templates were written to {}.",
        BUILT_IN_TEMPLATES.len(),
        directory.display()
    ))
}

async fn test(config: &Config, to: &Email, language: Language) -> Result<ExitCode, CliError> {
    let Some(settings) = bootstrap::mail(config) else {
        return Err(CliError::Refused(
            "no mail server is configured: set smtp.host and smtp.from".into(),
        ));
    };
    let server = format!(
        "{}:{}",
        settings.host.as_deref().unwrap_or_default(),
        settings.effective_port()
    );
    match send_test(settings, to, language, Clock::System.now()).await {
        Ok(answer) => output::line(&format!(
            "{server} accepted the mail to {}: {}",
            to.as_typed(),
            output::sanitize(&answer)
        )),
        Err(reason) => Err(CliError::Refused(format!(
            "{server} did not accept the mail to {}: {}",
            to.as_typed(),
            output::sanitize(&reason)
        ))),
    }
}
