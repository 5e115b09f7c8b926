//! nginx and Caddy with the configurations of the documents, in front of an application that answers with what it received.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::json;
use tempfile::TempDir;

use super::{
    client::Client,
    server::eventually,
    tools::{in_repository, tool},
};

/// A running proxy; dropping it ends it.
pub struct Proxy {
    process: Child,
    directory: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The proxies with a configuration in the documents.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Nginx,
    Caddy,
}

impl Proxy {
    /// Starts it between callers, an application and munjigi.
    pub fn start(kind: Kind, munjigi: SocketAddr, application: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let document = match kind {
            Kind::Nginx => "docs/verify/nginx.conf",
            Kind::Caddy => "docs/verify/Caddyfile",
        };
        let text = std::fs::read_to_string(in_repository(document)).unwrap();
        let text = match kind {
            Kind::Nginx => replaced(&text, "listen 8000;", &format!("listen {address};")),
            Kind::Caddy => replaced(
                &text,
                ":8000 {",
                &format!(":{} {{\n\tbind 127.0.0.1", address.port()),
            ),
        };
        let text = replaced(&text, "127.0.0.1:8080", &munjigi.to_string());
        let text = replaced(&text, "127.0.0.1:3000", &application.to_string());
        Self::run(kind, &text, directory, address)
    }

    /// Starts it with this configuration, which listens on this address.
    pub fn run(kind: Kind, text: &str, directory: TempDir, address: SocketAddr) -> Self {
        let path = directory.path();
        let (text, mut command) = match kind {
            Kind::Nginx => (own_directories(text, path), nginx(path)),
            Kind::Caddy => (text.to_owned(), caddy(path)),
        };
        std::fs::write(path.join("configuration"), text).unwrap();
        let mut process = command
            .current_dir(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(path.join("errors")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        eventually(|| {
            if let Some(status) = process.try_wait().unwrap() {
                let errors = std::fs::read_to_string(path.join("errors"));
                panic!("{kind:?} ended with {status}: {errors:?}");
            }
            TcpStream::connect(address).is_ok()
        });
        Self {
            process,
            directory,
            address,
        }
    }

    /// A path in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A client of the proxy.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that is free now.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The configuration with another address; it must be there.
pub fn replaced(text: &str, documented: &str, actual: &str) -> String {
    assert!(text.contains(documented), "{documented}: {text}");
    text.replace(documented, actual)
}

/// One process that does not leave its directory.
fn nginx(directory: &Path) -> Command {
    let mut command = Command::new(tool("MUNJIGI_TEST_NGINX"));
    let main = "daemon off; master_process off; error_log stderr; pid nginx.pid;";
    command.args(["-e", "stderr", "-c", "configuration", "-g", main, "-p"]);
    command.arg(directory);
    command
}

/// The directories of nginx are those of the system's service, unless they are configured.
fn own_directories(text: &str, directory: &Path) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = kinds.map(|kind| format!("{kind}_temp_path {};", directory.join(kind).display()));
    let paths = paths.join(" ");
    replaced(text, "http {", &format!("http {{ access_log off; {paths}"))
}

fn caddy(directory: &Path) -> Command {
    let mut command = Command::new(tool("MUNJIGI_TEST_CADDY"));
    command.args(["run", "--adapter", "caddyfile", "--config", "configuration"]);
    command.env("HOME", directory);
    command
}

/// An application that answers every request with its method, target, headers and body as JSON. Its thread ends with the
/// tests.
pub fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(stream));
        }
    });
    address
}

fn answer_all(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    // A proxy opens connections in advance, or closes them.
    while stream.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    let _ = stream.read_exact(&mut body);
    let seen = json!({
        "method": words.next(), "target": words.next(), "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let seen = seen.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{seen}",
        seen.len()
    );
    let _ = stream.get_mut().write_all(answer.as_bytes());
}
