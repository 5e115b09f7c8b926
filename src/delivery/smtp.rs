//! Sending by mail, through one mail server with kept connections. The words of the mail are in `mail`.

use std::{
    io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lettre::{
    Message,
    message::Mailbox,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        extension::ClientId,
    },
};

use crate::delivery::{
    DeliveryError,
    notice::masked_email,
    retry::AttemptError,
    settings::{SmtpSettings, Tls},
};

/// How many times a mail is tried in all: a code that comes late is of no use.
pub(super) const ATTEMPTS: u32 = 3;

/// How long a connection that nobody uses is kept; servers close them after some minutes (RFC 5321 section 4.5.3.2.7).
const KEPT: Duration = Duration::from_mins(1);

/// The most characters of a mail server's answer that go into the log.
const ANSWER: usize = 160;

/// A mail server, ready to take mails.
pub(super) struct Smtp {
    /// Whom the mails are from.
    pub(super) from: Mailbox,
    host: String,
    port: u16,
    security: Security,
    hello: ClientId,
    credentials: Option<Credentials>,
    timeout: Duration,
    idle: Mutex<Vec<(Instant, AsyncSmtpConnection)>>,
}

enum Security {
    Starttls(TlsParameters),
    Tls(TlsParameters),
    None,
}

impl Smtp {
    /// Reads the sender's address and the certificates; connects to nobody yet.
    pub(super) fn new(settings: SmtpSettings) -> Result<Self, DeliveryError> {
        Ok(Self {
            from: settings.from.parse().map_err(|_| DeliveryError::Sender)?,
            security: match settings.tls {
                Tls::Starttls => Security::Starttls(parameters(&settings)?),
                Tls::Tls => Security::Tls(parameters(&settings)?),
                Tls::None => Security::None,
            },
            host: settings.host,
            port: settings.port,
            hello: ClientId::default(),
            credentials: settings
                .username
                .zip(settings.password)
                .map(|(username, password)| Credentials::new(username, password)),
            timeout: settings.timeout,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Tries once. Refused for good (5xx) is lasting; a 4xx answer, a broken connection and a slow server may pass.
    pub(super) async fn attempt(
        &self,
        message: &Message,
        secret: &str,
    ) -> Result<(), AttemptError> {
        match tokio::time::timeout(self.timeout, self.hand_over(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(AttemptError {
                reason: reason(&error, secret),
                again: !error.is_permanent() && !error.is_client(),
                after: None,
            }),
            Err(_) => Err(AttemptError::passing(
                "the mail server did not answer in time",
            )),
        }
    }

    // lettre's own pool and timeout are not used: the timeout covers connecting only, and when a send is broken off from
    // outside, the pool keeps its connection. The server's late answer to that mail would then be read as the answer to
    // the next one. Here a connection is kept only after a mail that went through to its end.
    async fn hand_over(&self, message: &Message) -> Result<(), SmtpError> {
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection
            .send(message.envelope(), &message.formatted())
            .await?;
        self.lock().push((Instant::now(), connection));
        Ok(())
    }

    /// A kept connection that still answers. The number of them is bounded by that of the senders.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (since, mut connection) = self.lock().pop()?;
            if since.elapsed() < KEPT && connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let wrapped = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::Starttls(_) | Security::None => None,
        };
        let server = (&*self.host, self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, wrapped, None).await?;
        if let Security::Starttls(parameters) = &self.security {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, AsyncSmtpConnection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parameters(settings: &SmtpSettings) -> Result<TlsParameters, DeliveryError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        builder = builder.add_root_certificate(certificates(path)?);
    }
    builder.build().map_err(DeliveryError::Tls)
}

fn certificates(path: &Path) -> Result<Certificate, DeliveryError> {
    let unreadable = |source: io::Error| DeliveryError::CaFile {
        path: path.to_owned(),
        source,
    };
    let pem = std::fs::read(path).map_err(unreadable)?;
    let nothing = || {
        unreadable(io::Error::new(
            io::ErrorKind::InvalidData,
            "no PEM certificate",
        ))
    };
    // A file without any is no error to the parser, and would be a mail server that is never trusted.
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(nothing());
    }
    Certificate::from_pem(&pem).map_err(|_| nothing())
}

/// What went wrong, in one clause: the server's answer without addresses, without the code or link (a server may quote either),
/// without control characters, and not too long.
fn reason(error: &SmtpError, secret: &str) -> String {
    let said = error.to_string();
    let words: Vec<String> = said
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            word if !secret.is_empty() && word.contains(secret) => "***".to_owned(),
            word if word.contains('@') => {
                masked_email(word.trim_matches(&['<', '>', ':', ','][..]))
            }
            word => word.to_owned(),
        })
        .collect();
    words.join(" ").chars().take(ANSWER).collect()
}
