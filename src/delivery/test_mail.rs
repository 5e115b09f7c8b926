//! The test mail, which is sent at once and once: who asks for it gets the mail server's answer.

use crate::clock::Timestamp;
use crate::config::SmtpConfig;
use crate::delivery::smtp::Smtp;
use crate::delivery::values::Mail;
use crate::domain::account::Email;
use crate::domain::language::Language;

/// Sends a test mail. Returns the mail server's answer.
///
/// # Errors
/// Why it was not sent: settings that cannot be used, no connection, or the answer that refused it.
pub async fn send_test(
    settings: SmtpConfig,
    to: &Email,
    language: Language,
    now: Timestamp,
) -> Result<String, String> {
    let smtp = Smtp::new(settings).map_err(|error| error.to_string())?;
    let mail = Mail::test(to.as_typed().to_owned(), language);
    let mail = smtp.compose(&mail, now)?;
    smtp.attempt(&mail, "")
        .await
        .map_err(|failure| failure.reason)
}
