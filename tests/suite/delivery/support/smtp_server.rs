//! A mail server: the process `smtp_server.py`, and certificates for it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use munjigi::config::{SmtpConfig, SmtpTls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::TIMEOUT;

/// A private certificate authority, and a certificate for `localhost` issued by it.
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    pub fn generate() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &Issuer::new(authority, authority_key))
            .unwrap();
        for (name, text) in [
            ("ca.pem", root.pem()),
            ("cert.pem", leaf.pem()),
            ("key.pem", key.serialize_pem()),
        ] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// A mail server. It is stopped when the value is dropped.
pub struct SmtpServer {
    process: Child,
    events: mpsc::UnboundedReceiver<Value>,
    port: u16,
}

impl SmtpServer {
    /// Starts the server. `arguments` are those of the script after the port.
    pub async fn start(arguments: &[&str]) -> Self {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/delivery/smtp_server.py");
        let mut process = Command::new(python())
            .arg(script)
            .arg("0")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter that MUNJIGI_TEST_PYTHON names cannot be started");
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, events) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in output.lines() {
                let event = serde_json::from_str(&line.unwrap()).unwrap();
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let mut server = Self {
            process,
            events,
            port: 0,
        };
        let first = server.next().await;
        server.port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
        server
    }

    /// Starts the server with TLS.
    pub async fn start_tls(mode: &str, certificates: &Certificates, options: &[&str]) -> Self {
        let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
        let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
        let arguments = [mode, "--cert", cert, "--key", key];
        Self::start(&[&arguments, options].concat()).await
    }

    /// Waits for the next event.
    pub async fn next(&mut self) -> Value {
        tokio::time::timeout(TIMEOUT, self.events.recv())
            .await
            .expect("the mail server reported no event in time")
            .expect("the mail server ended: is aiosmtpd installed for MUNJIGI_TEST_PYTHON?")
    }

    /// The events that were not read yet.
    pub fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Settings for this server without authentication.
    pub fn settings(&self, tls: SmtpTls, ca_file: Option<PathBuf>) -> SmtpConfig {
        SmtpConfig {
            host: Some("localhost".to_owned()),
            port: Some(self.port),
            tls,
            from: Some("Example Market <login@example.org>".to_owned()),
            ca_file,
            ..SmtpConfig::default()
        }
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the tests, not of the server"
)]
fn python() -> String {
    std::env::var("MUNJIGI_TEST_PYTHON").expect("MUNJIGI_TEST_PYTHON: run this test with tests/run")
}
