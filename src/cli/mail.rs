//! `munjigi mail`: trying the settings of `[smtp]`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::accounts::argument;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::send_test;
use crate::domain::account::Email;
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
}

/// A parser of the option `--language`.
pub(super) fn language(word: &str) -> Result<Language, String> {
    Language::from_tag(word).ok_or_else(|| "give ko or en".to_owned())
}

pub(super) async fn run(config: &Config, verb: Verb) -> Result<ExitCode, CliError> {
    let Verb::Test { to, language } = verb;
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
    let language = language.unwrap_or(config.language.default);
    match send_test(settings, &to, language, Clock::System.now()).await {
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
