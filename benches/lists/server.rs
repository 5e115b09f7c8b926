//! A munjigi process with the default configuration and an administrator.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Result, database::Database};

/// Maximum time for starting, which includes a scan for rows of older versions.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// E-mail address of the administrator.
pub const EMAIL: &str = "root@lists.example";
/// Password of the administrator.
pub const PASSWORD: &str = "correct horse battery staple";

/// A running server. It is stopped when the value is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a server for a database.
    pub fn start(database: &Database) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let command = |verb: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_munjigi"));
            command
                .args(verb)
                .current_dir(&database.directory)
                .env_clear()
                .env("MUNJIGI_SERVER__LISTEN", address.to_string())
                .env("MUNJIGI_SERVER__DATA_DIR", &database.directory)
                .env(
                    "MUNJIGI_SERVER__MASTER_KEY",
                    "only for the benches: a master key of at least 32 bytes",
                )
                .env("DATABASE_URL", &database.url)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        create_administrator(command(&[
            "user",
            "create",
            "--email",
            EMAIL,
            "--name",
            "Root",
            "--role",
            "admin",
            "--password-stdin",
        ]))?;
        let log = std::fs::File::create(Path::new(&database.directory).join("server.log"))?;
        let child = command(&["serve"])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Self { child, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server stopped at startup: {status}").into());
            }
            if start.elapsed() > START_TIMEOUT {
                return Err("the server does not respond".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }
}

/// Runs the command that creates the administrator. It fails if the administrator exists in a kept database, so the status
/// is ignored; the login fails if there is none.
fn create_administrator(mut verb: Command) -> Result<()> {
    let mut process = verb.stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = process.stdin.take() {
        writeln!(input, "{PASSWORD}")?;
    }
    process.wait()?;
    Ok(())
}
