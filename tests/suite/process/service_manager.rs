//! systemd and other service managers: notifications, watchdog, and sockets that they pass.

use std::{
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::{Command, Stdio},
};

use rustix::process::Signal;

use super::{
    place::{Place, finish},
    server::{Server, TIMEOUT},
    tools::tool,
};

/// What a service manager receives.
struct Manager(UnixDatagram);

impl Manager {
    /// The manager, and a place whose server notifies it.
    fn of(place: Place) -> (Self, Place) {
        let path = place.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        (Self(socket), place.with("NOTIFY_SOCKET", path))
    }

    /// Waits for a message with this line and returns it.
    fn wait_for(&self, line: &str) -> String {
        loop {
            let mut buffer = [0; 4096];
            let length = self.0.recv(&mut buffer).unwrap();
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.lines().any(|found| found == line) {
                return message;
            }
        }
    }
}

#[test]
fn the_manager_learns_that_the_server_is_ready_reloads_and_stops() {
    let (manager, place) = Manager::of(Place::new());
    let server = place.serve();
    manager.wait_for("STATUS=waiting for the database");
    let ready = manager.wait_for("READY=1");
    let status = format!("STATUS=listening on http://{}", server.address);
    assert!(ready.contains(&status), "{ready}");
    // It said so after it began to answer.
    assert_eq!(server.client().get("/readyz", "").status, 200);
    server.signal(Signal::HUP);
    let reloading = manager.wait_for("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.wait_for("READY=1");
    server.signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    assert_eq!(server.ended().code, Some(0));
}

#[test]
fn the_watchdog_is_told_while_the_server_answers_itself() {
    let (manager, place) = Manager::of(Place::new());
    let place = place.with("WATCHDOG_USEC", "3000000");
    let server = place.serve();
    for _ in 0..2 {
        manager.wait_for("WATCHDOG=1");
    }
    server.stop();
}

#[test]
fn without_a_watchdog_or_with_that_of_another_process_none_is_told() {
    for (name, value) in [("WATCHDOG_USEC", "0x"), ("WATCHDOG_PID", "1")] {
        let (manager, place) = Manager::of(Place::new());
        let place = place.with("WATCHDOG_USEC", "30000").with(name, value);
        let server = place.serve();
        server.signal(Signal::TERM);
        let mut messages = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let length = manager.0.recv(&mut buffer).unwrap();
            messages.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
            if messages.last().unwrap().contains("STOPPING=1") {
                break;
            }
        }
        assert!(!messages.concat().contains("WATCHDOG"), "{messages:?}");
        server.ended();
    }
}

/// The command that runs the binary with this socket as the ones that a manager passes.
fn with_socket(place: &Place, listener: TcpListener, sockets: usize) -> Command {
    let binary = place.command(&[]);
    let copies: Vec<String> = (3..3 + sockets).map(|fd| format!("{fd}<&0")).collect();
    let script = format!(
        "export LISTEN_PID=$$ LISTEN_FDS={sockets}; exec \"$0\" {} 0</dev/null",
        copies.join(" ")
    );
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &script])
        .arg(binary.get_program())
        .current_dir(binary.get_current_dir().unwrap())
        .env_clear()
        .envs(
            binary
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::from(OwnedFd::from(listener)));
    command
}

#[test]
fn the_server_uses_the_socket_that_is_passed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let place = Place::new().with("MUNJIGI_SERVER__LISTEN", address.to_string());
    // Before the server runs, connections wait in the queue of the socket.
    let mut early = super::client::Client::new(address);
    early.send("GET", "/healthz", &[], "").unwrap();
    let server = Server::start_with_input(with_socket(&place, listener, 1));
    assert_eq!(server.address, address);
    assert_eq!(early.receive().unwrap().status, 200);
    server.stop();
}

#[test]
fn a_passed_socket_must_have_the_address_of_a_setting() {
    let place = Place::new().with("MUNJIGI_SERVER__LISTEN", "127.0.0.2:8080");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = with_socket(&place, listener, 1);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let printed = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "a socket that listens on {address} was passed, but server.listen is 127.0.0.2:8080"
    );
    assert!(printed.contains(&expected), "{printed}");
}

#[test]
#[ignore = "tests/run"]
fn systemd_passes_the_sockets_of_both_listeners() {
    let listeners = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [main, panel] = listeners.map(|listener| listener.local_addr().unwrap());
    let place = Place::new()
        .with("MUNJIGI_SERVER__LISTEN", main.to_string())
        .with("MUNJIGI_SERVER__PUBLIC_URL", "http://auth.example.org")
        .with("MUNJIGI_ADMIN__LISTEN", panel.to_string());
    let binary = place.command(&[]);
    let mut command = Command::new(tool("MUNJIGI_TEST_SOCKET_ACTIVATE"));
    for address in [panel, main] {
        command.arg(format!("--listen={address}"));
    }
    for (name, value) in binary.get_envs() {
        let value = value.unwrap().to_str().unwrap();
        command.arg(format!("--setenv={}={value}", name.to_str().unwrap()));
    }
    command
        .arg(binary.get_program())
        .current_dir(binary.get_current_dir().unwrap());
    // It starts the server at the first connection.
    let mut early = super::client::Client::new(main);
    let waiting = std::thread::spawn(move || {
        super::server::eventually(|| early.send("GET", "/healthz", &[], "").is_ok());
        early.receive().unwrap()
    });
    let server = Server::start(command);
    assert_eq!(server.address, main);
    assert_eq!(waiting.join().unwrap().status, 200);
    let mut client = super::client::Client::new(panel);
    assert_eq!(client.get("/admin/login", "").status, 200);
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn the_unit_is_valid_and_exposes_little() {
    let mut command = Command::new(tool("MUNJIGI_TEST_SYSTEMD_ANALYZE"));
    command
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(super::tools::in_repository("deploy/munjigi.service"));
    // It exits with 1 above an exposure of 2.0.
    let finished = finish(command, "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
}
