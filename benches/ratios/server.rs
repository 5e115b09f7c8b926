//! The measured server processes: munjigi and the empty server.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Result,
    cpu::process_cpu_time,
    database::{Database, SIGNING_KEY},
    http::{BlockingConnection, get},
};

/// The master key of the measured servers.
pub const MASTER_KEY: &str = "only for the benches: a master key of at least 32 bytes";
/// Maximum time for starting.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Time between two connection attempts while starting.
const POLL_INTERVAL: Duration = Duration::from_micros(200);

/// A running server. It is stopped when the value is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to the first response.
    pub started_in: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts munjigi with the default configuration. Its log is discarded.
    pub fn munjigi(database: &Database, directory: &Path) -> Result<Self> {
        Self::munjigi_with(database, directory, &[])
    }

    /// The same with settings, as environment variables.
    pub fn munjigi_with(
        database: &Database,
        directory: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let address = free_address()?;
        let key = directory.join("jwt.key");
        std::fs::write(&key, SIGNING_KEY)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_munjigi"));
        command
            .arg("serve")
            .current_dir(directory)
            .env_clear()
            .env("MUNJIGI_SERVER__LISTEN", address.to_string())
            .env("MUNJIGI_SERVER__DATA_DIR", directory)
            .env("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY)
            .env("MUNJIGI_TOKENS__KEYS", &key)
            // All requests are from one address.
            .env("MUNJIGI_OTP__REQUESTS_PER_ADDRESS", "100000")
            .env("MUNJIGI_LIMITS__FAILURES_PER_ADDRESS", "0")
            .env("DATABASE_URL", database.url())
            .envs(settings.iter().copied())
            .stdin(Stdio::null());
        Self::start(command, address)
    }

    /// Starts the empty server, which is this program with another option.
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
        let start = Instant::now();
        let child = command.spawn()?;
        let mut server = Self {
            child,
            address,
            started_in: Duration::ZERO,
        };
        let health = get("/healthz", None);
        loop {
            if let Ok(mut connection) = BlockingConnection::open(address) {
                connection.exchange(&health)?.expect(200)?;
                server.started_in = start.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server stopped at startup: {status}").into());
            }
            if start.elapsed() > START_TIMEOUT {
                return Err("the server does not respond".into());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// The CPU time that the process has used so far, in all its threads.
    pub fn cpu_time(&self) -> Result<Duration> {
        process_cpu_time(self.child.id())
    }

    /// Resident memory of the process in MiB (Linux only).
    pub fn memory(&self) -> Result<Memory> {
        let process = self.child.id();
        Ok(Memory {
            resident: mebibytes(process, "VmRSS:")?,
            own: mebibytes(process, "RssAnon:")?,
        })
    }
}

/// Resident memory in MiB.
#[derive(Clone, Copy)]
pub struct Memory {
    /// With the pages of the program file and of the libraries that are in memory, which other processes may share.
    pub resident: f64,
    /// The server's own: heap and stacks.
    pub own: f64,
}

/// A figure of `/proc` about the memory of a process, in MiB (Linux only).
pub fn mebibytes(process: u32, name: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or_else(|| format!("no {name} in /proc"))?;
    Ok(kibibytes.parse::<f64>()? / 1024.0)
}

/// A free address on the loopback interface.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
