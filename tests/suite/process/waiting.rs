//! A Postgres server that is not up when munjigi starts.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    database::on_postgres,
    place::{MASTER_KEY, Place},
    server::{Server, TIMEOUT, eventually},
};

/// A place whose database is behind this port of 127.0.0.1.
fn behind(port: u16) -> Place {
    let place = Place::new();
    let mut url = url::Url::parse(&place.database.url()).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    place.with("DATABASE_URL", url.as_str())
}

/// The address of the Postgres server of the tests.
fn server_of(place: &Place) -> SocketAddr {
    let url = url::Url::parse(&place.database.url()).unwrap();
    url.socket_addrs(|| Some(5432)).unwrap()[0]
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        // Either side may close.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}

/// What Postgres answers while it recovers after a crash.
fn is_starting(mut client: TcpStream) {
    let mut length = [0; 4];
    if client.read_exact(&mut length).is_err() {
        return;
    }
    let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
    let _ = client.read_exact(&mut rest);
    let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    let _ = client.write_all(&[&b"E"[..], &length, fields].concat());
}

#[test]
#[ignore = "tests/run"]
fn the_start_waits_for_a_server_that_is_not_up_yet_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let place = behind(port);
    let server = server_of(&place);
    let (is_up, attempts) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (up, counted) = (Arc::clone(&is_up), Arc::clone(&attempts));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            if up.load(Ordering::SeqCst) {
                let upstream = TcpStream::connect(server).unwrap();
                forward(client.try_clone().unwrap(), upstream.try_clone().unwrap());
                forward(upstream, client);
            } else {
                is_starting(client);
            }
        }
    });
    let command = place.command(&[]);
    let starting = thread::spawn(move || Server::start(command));
    eventually(|| attempts.load(Ordering::SeqCst) > 3);
    is_up.store(true, Ordering::SeqCst);
    let server = starting.join().unwrap();
    assert_eq!(server.client().get("/readyz", "").status, 200);
    let log = server.log();
    assert_eq!(log.matches("trying again for up to 1m").count(), 1, "{log}");
    server.stop();
}

/// A port that nothing listens on.
fn unused_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn unreachable_place() -> Place {
    let url = format!("postgres://munjigi:hush-hush@127.0.0.1:{}/x", unused_port());
    Place::on_sqlite()
        .with("DATABASE_URL", url)
        .with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY)
}

#[test]
fn the_wait_is_bounded_and_said_once() {
    for (verb, log_is_on_stdout) in [("serve", true), ("migrate", false)] {
        let place = unreachable_place().with("MUNJIGI_DATABASE__START_TIMEOUT", "1s");
        let begun = Instant::now();
        let refused = place.run(&[verb]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(begun.elapsed() >= Duration::from_secs(1), "{refused:?}");
        let said = if log_is_on_stdout {
            &refused.stdout
        } else {
            &refused.stderr
        };
        assert_eq!(
            said.matches("trying again for up to 1s").count(),
            1,
            "{refused:?}"
        );
        assert!(refused.stderr.contains("cannot be reached"), "{refused:?}");
        let all = format!("{refused:?}");
        assert!(!all.contains("hush-hush"), "{all}");
    }
}

#[test]
fn a_signal_ends_the_wait() {
    let place = unreachable_place();
    let mut serve: Command = place.command(&[]);
    let mut process = serve
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = process.stdout.take().unwrap();
    let mut log = String::new();
    let mut byte = [0];
    while !log.contains("trying again") {
        stdout.read_exact(&mut byte).unwrap();
        log.push(char::from(byte[0]));
    }
    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < TIMEOUT, "it does not exit");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(30), "it has waited");
}

#[test]
#[ignore = "tests/run"]
fn what_waiting_cannot_change_is_refused_at_once_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    let unknown = format!("{}_unknown", place.database.url());
    for (url, part) in [
        (unknown.as_str(), "does not exist"),
        (
            "postgres://munjigi@127.0.0.1:99999/x",
            "invalid port number",
        ),
    ] {
        let begun = Instant::now();
        let refused = Place::new().with("DATABASE_URL", url).run(&["serve"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(part), "{refused:?}");
        assert!(!refused.stdout.contains("trying again"), "{refused:?}");
        assert!(begun.elapsed() < Duration::from_secs(50), "it has waited");
    }
}
