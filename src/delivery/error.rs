//! Errors of starting delivery.

use std::{io, path::PathBuf};

use crate::delivery::templates::TemplateError;

/// Why delivery cannot be started. Failures of single notices are logged and counted instead.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Not called within a Tokio runtime.
    #[error("delivery must be started within a Tokio runtime")]
    NoRuntime,
    /// There is no mail server.
    #[error("smtp.host is not configured")]
    Host,
    /// There is no URL to call.
    #[error("webhook.url is not configured")]
    Url,
    /// The sender's address is invalid.
    #[error("the sender must be `login@example.org` or `Example <login@example.org>`")]
    Sender,
    /// The certificate file cannot be read or contains no certificate.
    #[error("cannot use the certificate file {path}: {source}")]
    CaFile {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The templates of mails cannot be used.
    #[error(transparent)]
    Templates(#[from] TemplateError),
    /// The certificates cannot be used.
    #[error("cannot set up TLS to the mail server: {0}")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// The webhook secret is not base64 or too short.
    #[error("the webhook secret must be `whsec_` and base64, or plain text, of at least 24 bytes")]
    Secret,
    /// The HTTP client cannot be created, for example because the system has no certificates.
    #[error("cannot create the HTTP client of the webhook: {0}")]
    Client(#[source] reqwest::Error),
}
