//! The measured server: munjigi in callgrind, with one worker and a database of its own.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Result, client::Client};

/// The account that is logged in.
pub const EMAIL: &str = "user@example.org";
pub const PASSWORD: &str = "correct horse battery staple";

/// How long the start may take.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// Fails with what to install if valgrind is missing.
pub fn check_valgrind() -> Result<()> {
    let found = Command::new("valgrind").arg("--version").output();
    match found {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("valgrind is missing; on Debian: apt-get install valgrind".into()),
    }
}

/// A directory with a database that has one user.
pub struct Place(TempDir);

impl Place {
    /// Makes the database by munjigi's own commands.
    pub fn new() -> Result<Self> {
        let place = Self(tempfile::tempdir()?);
        let munjigi = || Command::new(env!("CARGO_BIN_EXE_munjigi"));
        let mut migrate = munjigi();
        place.run(migrate.arg("migrate"), "")?;
        let mut create = munjigi();
        let user = [
            "user", "create", "--email", EMAIL, "--name", "User", "--role", "staff",
        ];
        place.run(create.args(user).arg("--password-stdin"), PASSWORD)?;
        Ok(place)
    }

    fn run(&self, command: &mut Command, input: &str) -> Result<()> {
        self.configure(command);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into())
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "valgrind is found by the path, not by a setting of the server"
    )]
    fn configure(&self, command: &mut Command) {
        let directory = self.0.path();
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("MUNJIGI_SERVER__DATA_DIR", directory)
            .env(
                "MUNJIGI_SERVER__MASTER_KEY",
                "only for the benches: a master key of at least 32 bytes",
            )
            .env("MUNJIGI_LOGIN__BCRYPT_COST", "10")
            .env("DATABASE_URL", directory.join("munjigi.db"));
    }

    fn count_file(&self) -> PathBuf {
        self.0.path().join("valgrind.txt")
    }
}

/// A running server, killed when the value is dropped.
pub struct Server {
    child: Child,
    count_file: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts it with these settings, and connects a client to it.
    pub fn start(place: &Place, settings: &[(&str, &str)]) -> Result<(Self, Client)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        drop(listener);
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(format!("--log-file={}", place.count_file().display()))
            .args([env!("CARGO_BIN_EXE_munjigi"), "serve"]);
        place.configure(&mut command);
        command
            .env("MUNJIGI_SERVER__LISTEN", address.to_string())
            .env("MUNJIGI_SERVER__WORKERS", "1")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut server = Self {
            child: command.spawn()?,
            count_file: place.count_file(),
        };
        let client = server.connect(address)?;
        Ok((server, client))
    }

    fn connect(&mut self, address: SocketAddr) -> Result<Client> {
        let begun = Instant::now();
        loop {
            if let Ok(client) = Client::open(address) {
                return Ok(client);
            }
            if let Some(status) = self.child.try_wait()? {
                let text = std::fs::read_to_string(&self.count_file)?;
                return Err(format!("the server ended with {status}: {text}").into());
            }
            if begun.elapsed() > START_TIMEOUT {
                return Err("the server does not listen".into());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops it, and returns how many instructions it executed.
    pub fn stop(mut self) -> Result<u64> {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::TERM)?;
        self.child.wait()?;
        let text = std::fs::read_to_string(&self.count_file)?;
        let count = text.lines().find_map(|line| {
            let (_, count) = line.split_once("Collected : ")?;
            count.trim().parse().ok()
        });
        count.ok_or_else(|| format!("no count in {text}").into())
    }
}
