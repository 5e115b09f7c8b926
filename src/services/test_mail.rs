//! The test mail of the panel.

use crate::delivery::send_test;
use crate::domain::account::Email;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::language::Language;
use crate::services::audit::log::Event;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::test_mails;

/// What became of a test mail: the answer of the mail server, or why it was not sent.
pub type TestResult = Result<String, String>;

/// Sends a test mail, and records it with its result.
///
/// # Errors
/// [`Error::RateLimited`] after ten of them within an hour, and the store's.
pub async fn send(
    services: &Services,
    actor: &Actor,
    to: &Email,
    language: Language,
) -> Result<TestResult, Error> {
    test_mails::admit(services).await?;
    let settings = services.config.mail_server();
    let result = send_test(settings, to, language, services.clock.now()).await;
    let (Ok(answer) | Err(answer)) = &result;
    let mut event = Event::new(Action::TestMailSent)
        .to(Subject::named(to.as_typed()))
        .with_detail("answer", answer);
    if result.is_err() {
        event = event.refused();
    }
    services
        .write_as(actor, move |connection, audit_context| {
            Ok(audit_context.record(connection, &event)?)
        })
        .await?;
    Ok(result)
}
