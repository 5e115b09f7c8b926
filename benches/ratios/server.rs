//! The servers that are measured, as processes of their own: munjigi itself, and the empty one.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Result,
    database::{Database, SIGNING_KEY},
    exchange::{Caller, get},
};

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked whether it is there.
const KNOCK: Duration = Duration::from_micros(200);

/// A running server; it ends when it is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of its process to its first answer.
    pub started_in: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// munjigi as it is configured by default, with its log written to nowhere.
    pub fn munjigi(database: &Database, directory: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_munjigi"));
        command
            .arg("serve")
            .current_dir(directory)
            .env_clear()
            .env("MUNJIGI_SERVER__LISTEN", address.to_string())
            .env("MUNJIGI_SERVER__DATA_DIR", directory)
            .env("MUNJIGI_TOKENS__SIGNING_KEY", SIGNING_KEY)
            // One client asks for all the codes here.
            .env("MUNJIGI_OTP__REQUESTS_PER_ADDRESS", "100000")
            // And guesses all the passwords.
            .env("MUNJIGI_LIMITS__FAILURES_PER_ADDRESS", "0")
            .env("DATABASE_URL", database.url())
            .stdin(Stdio::null());
        Self::start(command, address)
    }

    /// The empty actix server: this very program, started again.
    pub fn empty() -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--serve-empty", &address.port().to_string()])
            .stdin(Stdio::piped());
        Self::start(command, address)
    }

    fn start(mut command: Command, address: SocketAddr) -> Result<Self> {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let child = command.spawn()?;
        let mut server = Self {
            child,
            address,
            started_in: Duration::ZERO,
        };
        let alive = get("/healthz", None);
        loop {
            if let Ok(mut caller) = Caller::open(address) {
                caller.exchange(&alive)?.expect(200)?;
                server.started_in = began.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended at once: {status}").into());
            }
            if began.elapsed() > PATIENCE {
                return Err("the server does not answer".into());
            }
            std::thread::sleep(KNOCK);
        }
    }

    /// The memory of the process that is really there, in MiB (`VmRSS`, Linux only).
    pub fn resident_mebibytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("the system does not tell VmRSS")?;
        Ok(kibibytes.parse::<f64>()? / 1024.0)
    }
}

/// An address that nobody listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
