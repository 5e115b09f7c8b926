//! The binary as a running server: its address, output, signals and exit.

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

/// The longest that a test waits for anything: only a server that hangs reaches it.
pub const TIMEOUT: Duration = Duration::from_mins(2);

/// Waits until a condition holds.
pub fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < TIMEOUT,
            "the condition does not come true"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server, killed when this value is dropped.
pub struct Server {
    process: Child,
    stdout: Output,
    stderr: Output,
    /// Where it listens.
    pub address: SocketAddr,
}

/// How a server exited.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its log.
    pub stdout: String,
    /// Its standard error: the startup message.
    pub stderr: String,
    /// How long it took to exit.
    pub took: Duration,
}

/// The lines read from a pipe.
struct Output {
    lines: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(String::new()));
        let received = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                received
                    .lock()
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
    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts it and waits until it prints its address.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        Self::start_with_input(command)
    }

    /// As [`Server::start`], with the standard input that the command has.
    pub fn start_with_input(mut command: Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Output::of(process.stdout.take().unwrap());
        let stderr = Output::of(process.stderr.take().unwrap());
        let mut server = Self {
            process,
            stdout,
            stderr,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let begun = Instant::now();
        loop {
            let printed = server.stderr.so_far();
            let address = printed
                .lines()
                .find_map(|line| line.strip_prefix("  listening on   "))
                .and_then(|url| url.split_once("://"));
            if let Some((_, address)) = address {
                server.address = address.parse().unwrap();
                return server;
            }
            if let Some(status) = server.process.try_wait().unwrap() {
                let printed = server.stderr.whole();
                panic!("the server exited with {status}: {printed}");
            }
            assert!(begun.elapsed() < TIMEOUT, "it does not listen: {printed}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client with a connection of its own.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Its startup message. The address is printed first, so this waits for the first line of the log.
    pub fn startup(&self) -> String {
        self.wait_for_log("\"message\":\"started\"");
        // Each pipe is read by its own thread: this one may be behind.
        let mut printed = self.stderr.so_far();
        loop {
            thread::sleep(Duration::from_millis(20));
            let now = self.stderr.so_far();
            if now == printed && now.ends_with('\n') {
                return now;
            }
            printed = now;
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
            assert!(begun.elapsed() < TIMEOUT, "no {part} in {}", self.log());
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

    /// Waits until it exits.
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
                begun.elapsed() < 2 * TIMEOUT,
                "it does not exit: {}",
                self.log()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends SIGTERM and waits until it exits, which must be with code 0.
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        let ended = self.ended();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    }

    /// Kills it.
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
