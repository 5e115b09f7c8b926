//! The binary as a running server: its address, what it printed so far, signals, and its end.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;

/// The longest a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something holds.
pub fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it does not come true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server that is killed with this value.
pub struct Server {
    process: Child,
    stdout: Kept,
    stderr: Kept,
    /// Where it listens.
    pub address: SocketAddr,
}

/// How a server ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its log.
    pub stdout: String,
    /// What it told its operator.
    pub stderr: String,
    /// How long the end took.
    pub took: Duration,
}

/// What comes out of a pipe, line by line.
struct Kept {
    lines: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Kept {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                kept.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self {
            lines,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub fn start(mut command: Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Kept::of(process.stdout.take().unwrap());
        let stderr = Kept::of(process.stderr.take().unwrap());
        let mut server = Self {
            process,
            stdout,
            stderr,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let begun = Instant::now();
        loop {
            let told = server.stderr.so_far();
            let address = told
                .lines()
                .find_map(|line| line.strip_prefix("  listening on   http://"));
            if let Some(address) = address {
                server.address = address.parse().unwrap();
                return server;
            }
            if let Some(status) = server.process.try_wait().unwrap() {
                let told = server.stderr.whole();
                panic!("the server ended with {status}: {told}");
            }
            assert!(begun.elapsed() < PATIENCE, "it does not listen: {told}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client with a connection of its own.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// What it told its operator so far. The line of the address comes first, so this waits for the log's first line.
    pub fn greeting(&self) -> String {
        self.wait_for_log("\"message\":\"started\"");
        // The two pipes are read by threads of their own: this one may be behind.
        let mut told = self.stderr.so_far();
        loop {
            thread::sleep(Duration::from_millis(20));
            let now = self.stderr.so_far();
            if now == told && now.ends_with('\n') {
                return now;
            }
            told = now;
        }
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.stdout.so_far()
    }

    /// Waits until the log has this.
    pub fn wait_for_log(&self, part: &str) {
        let begun = Instant::now();
        while !self.log().contains(part) {
            assert!(begun.elapsed() < PATIENCE, "no {part} in {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let begun = Instant::now();
        let status = self.wait();
        Ended {
            code: status.code(),
            took: begun.elapsed(),
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }

    fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(
                begun.elapsed() < 2 * PATIENCE,
                "it does not end: {}",
                self.log()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Asks it to stop, and waits for its end, which must be a good one.
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        let ended = self.ended();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
