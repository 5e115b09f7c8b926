//! munjigi as it is configured by default, as a process of its own, with an administrator in it.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Result, database::Database};

/// How long it may take to start: it looks through the rows for what an older version left.
const PATIENCE: Duration = Duration::from_mins(2);

/// The administrator's e-mail.
pub const EMAIL: &str = "root@lists.example";
/// His password.
pub const PASSWORD: &str = "correct horse battery staple";

/// A running server; it ends when it is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one on a database.
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
                    "MUNJIGI_TOKENS__SIGNING_KEY",
                    "only for the benches: a signing key of at least 32 bytes",
                )
                .env("DATABASE_URL", &database.url)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        make_administrator(command(&[
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
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended at once: {status}").into());
            }
            if began.elapsed() > PATIENCE {
                return Err("the server does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }
}

/// Runs the verb that makes him. A database that was kept has him already, and then the verb fails; the sign-in shows
/// whether he is there.
fn make_administrator(mut verb: Command) -> Result<()> {
    let mut process = verb.stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = process.stdin.take() {
        writeln!(input, "{PASSWORD}")?;
    }
    process.wait()?;
    Ok(())
}
