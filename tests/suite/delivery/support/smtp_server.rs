//! A real mail server: `smtp_server.py` as a process of its own, and certificates for it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use munjigi::delivery::{SmtpSettings, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::PATIENCE;

/// An own authority, and a certificate of it for `localhost`.
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    pub fn make() -> Self {
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

/// A mail server that ends with this value.
pub struct SmtpServer {
    process: Child,
    events: mpsc::UnboundedReceiver<Value>,
    port: u16,
}

impl SmtpServer {
    /// Starts it with the script's arguments after the port.
    pub async fn start(arguments: &[&str]) -> Self {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/delivery/smtp_server.py");
        let mut process = Command::new(python().expect(WANTED))
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

    /// Starts it with a certificate of `certificates`.
    pub async fn start_tls(mode: &str, certificates: &Certificates, options: &[&str]) -> Self {
        let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
        let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
        let arguments = [mode, "--cert", cert, "--key", key];
        Self::start(&[&arguments, options].concat()).await
    }

    /// The next thing that happened.
    pub async fn next(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .expect("the mail server told of nothing in time")
            .expect("the mail server ended: is aiosmtpd installed for MUNJIGI_TEST_PYTHON?")
    }

    /// What happened and was not looked at yet.
    pub fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Settings for this server, without a login.
    pub fn settings(&self, tls: Tls, ca_file: Option<PathBuf>) -> SmtpSettings {
        SmtpSettings {
            host: "localhost".to_owned(),
            port: self.port,
            tls,
            username: None,
            password: None,
            from: "Example Market <login@example.org>".to_owned(),
            ca_file,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Whether there is nothing to run the mail server with. That is said, and on a CI machine it is a failure.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the tests' own setting, not the server's; and who runs them reads it"
)]
pub fn no_mail_server() -> bool {
    let missing = python().is_none();
    if missing {
        assert!(
            std::env::var_os("CI").is_none(),
            "on CI this runs: {WANTED}"
        );
        eprintln!("SKIPPED, no mail server: {WANTED}");
    }
    missing
}

const WANTED: &str = "set MUNJIGI_TEST_PYTHON to a python3 that has aiosmtpd (tests/run does)";

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own setting, not the server's"
)]
fn python() -> Option<String> {
    std::env::var("MUNJIGI_TEST_PYTHON")
        .ok()
        .filter(|python| !python.is_empty())
}
