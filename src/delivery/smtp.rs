//! Sends mails through one mail server, over reused connections. Mails are composed in `mail`.

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

use crate::clock::Timestamp;
use crate::config::{SmtpConfig, SmtpTls};
use crate::delivery::error::DeliveryError;
use crate::delivery::mail::compose;
use crate::delivery::notice::masked_email;
use crate::delivery::retry::AttemptError;
use crate::delivery::templates::Templates;
use crate::delivery::values::Mail;

/// Maximum number of attempts per mail.
pub(super) const MAX_ATTEMPTS: u32 = 3;

/// How long an idle connection is kept. Servers close connections after five minutes (RFC 5321 section 4.5.3.2.7).
const MAX_IDLE: Duration = Duration::from_mins(1);

/// Maximum number of characters of a server response in the log.
const MAX_REASON: usize = 160;

/// A client of the mail server.
pub(super) struct Smtp {
    /// The sender of the mails.
    from: Mailbox,
    templates: Templates,
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
    /// Parses the sender and loads the certificates and templates. Does not connect.
    pub(super) fn new(settings: SmtpConfig) -> Result<Self, DeliveryError> {
        let host = settings.host.clone().ok_or(DeliveryError::Host)?;
        Ok(Self {
            templates: Templates::load(settings.templates_dir.as_deref())?,
            from: settings
                .from
                .as_deref()
                .and_then(|from| from.parse().ok())
                .ok_or(DeliveryError::Sender)?,
            security: match settings.tls {
                SmtpTls::Starttls => Security::Starttls(parameters(&settings, &host)?),
                SmtpTls::Tls => Security::Tls(parameters(&settings, &host)?),
                SmtpTls::None => Security::None,
            },
            port: settings.effective_port(),
            host,
            hello: ClientId::Domain(settings.effective_hello_name()),
            credentials: settings
                .username
                .zip(settings.password)
                .map(|(username, password)| {
                    Credentials::new(username, password.reveal().to_owned())
                }),
            timeout: settings.timeout.get(),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Composes a mail.
    pub(super) fn compose(&self, mail: &Mail, now: Timestamp) -> Result<Message, &'static str> {
        compose(&self.from, &self.templates, mail, now)
    }

    /// Makes one attempt, and returns the server's answer. A 5xx response is a permanent failure; a 4xx response, a lost connection and a timeout are
    /// temporary. `secret` is masked in the failure reason.
    pub(super) async fn attempt(
        &self,
        message: &Message,
        secret: &str,
    ) -> Result<String, AttemptError> {
        match tokio::time::timeout(self.timeout, self.send(message)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(AttemptError {
                reason: reason(&error, secret),
                is_temporary: !error.is_permanent() && !error.is_client(),
                retry_after: None,
            }),
            Err(_) => Err(AttemptError::temporary(
                "the mail server did not respond in time",
            )),
        }
    }

    // lettre's pool and timeout are not used: its timeout covers connecting only, and its pool keeps the connection of a
    // cancelled send. The late response to that mail would be read as the response to the next one. Here a connection is
    // kept only after a complete exchange.
    async fn send(&self, message: &Message) -> Result<String, SmtpError> {
        let mut connection = match self.idle_connection().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let response = connection
            .send(message.envelope(), &message.formatted())
            .await?;
        self.lock().push((Instant::now(), connection));
        let text: String = response.message().collect::<Vec<_>>().join(" ");
        let answer = format!("{} {text}", response.code());
        Ok(answer.chars().take(MAX_REASON).collect())
    }

    /// An idle connection that still works. There are at most as many as delivery tasks.
    async fn idle_connection(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (since, mut connection) = self.lock().pop()?;
            if since.elapsed() < MAX_IDLE && connection.test_connected().await {
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

fn parameters(settings: &SmtpConfig, host: &str) -> Result<TlsParameters, DeliveryError> {
    let mut builder = TlsParameters::builder(host.to_owned());
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
    let no_certificate = || {
        unreadable(io::Error::new(
            io::ErrorKind::InvalidData,
            "no PEM certificate",
        ))
    };
    // The parser accepts a file without certificates; then no server would be trusted.
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(no_certificate());
    }
    Certificate::from_pem(&pem).map_err(|_| no_certificate())
}

/// The failure reason for the log: the server response with addresses and the secret masked (a server may quote them),
/// without control characters, at most [`MAX_REASON`] characters.
fn reason(error: &SmtpError, secret: &str) -> String {
    let response = error.to_string();
    let words: Vec<String> = response
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
    words.join(" ").chars().take(MAX_REASON).collect()
}
