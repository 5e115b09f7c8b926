//! Graceful shutdown: requests in flight are answered, new connections are refused, idle ones do not delay it.

use std::{
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    client::Client,
    place::Place,
    receiver::Receiver,
    server::{Server, eventually},
};

/// Less than `server.shutdown_timeout` in these tests, which a server reaches that waits for connections without a request.
const AT_ONCE: Duration = Duration::from_mins(2);

/// Its servers allow running requests more time than a test waits.
fn patient_place() -> Place {
    Place::new().with("MUNJIGI_SERVER__SHUTDOWN_TIMEOUT", "10m")
}

/// With a bcrypt cost at which a login takes a second.
fn slow_place() -> Place {
    let place = patient_place();
    place.user("admin@example.org", "admin");
    let place = place
        .with("MUNJIGI_LOGIN__BCRYPT_COST", "14")
        .with("MUNJIGI_LOGIN__HASH_DEADLINE", "1m")
        .with("MUNJIGI_SERVER__REQUEST_TIMEOUT", "10m");
    // Hash the stored password at that cost, too.
    place.done(
        &[
            "user",
            "set-password",
            "--email",
            "admin@example.org",
            "--password-stdin",
        ],
        super::place::PASSWORD,
    );
    place
}

fn a_login_in_flight_is_answered(signal: Signal) {
    let place = slow_place();
    let server = place.serve();
    let mut client = server.client();
    client.connect().unwrap();
    let address = server.address;
    let login = thread::spawn(move || client.log_in("admin@example.org", "user"));
    thread::sleep(Duration::from_millis(300));
    assert!(!login.is_finished());
    server.signal(signal);
    // Supervisors signal the process and its group.
    server.signal(signal);
    server.wait_for_log("\"message\":\"stopping\"");
    let answer = login.join().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took < AT_ONCE, "{ended:?}");
    assert!(
        ended.stdout.contains("\"message\":\"stopped\""),
        "{ended:?}"
    );
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_login_in_flight_is_answered_before_a_sigterm_ends_the_server() {
    a_login_in_flight_is_answered(Signal::TERM);
}

#[test]
fn a_login_in_flight_is_answered_before_a_sigint_ends_the_server() {
    a_login_in_flight_is_answered(Signal::INT);
}

#[test]
fn idle_connections_do_not_delay_the_shutdown() {
    let place = patient_place();
    let server = place.serve();
    // One that has had a response, one that never sent a request.
    let mut idle = server.client();
    assert_eq!(idle.get("/healthz", "").status, 200);
    let mut silent = server.client();
    silent.connect().unwrap();
    thread::sleep(Duration::from_millis(100));
    let ended = server.stop();
    assert!(ended.took < AT_ONCE, "{ended:?}");
}

#[test]
fn new_connections_are_refused_while_the_last_requests_end() {
    let place = slow_place();
    let server = place.serve();
    let mut busy: Vec<Client> = (0..3).map(|_| server.client()).collect();
    for client in &mut busy {
        let body = serde_json::json!({"username": "admin@example.org", "password": super::place::PASSWORD});
        client
            .send(
                "POST",
                "/auth/login",
                &[("Content-Type", "application/json")],
                &body.to_string(),
            )
            .unwrap();
    }
    thread::sleep(Duration::from_millis(300));
    server.signal(Signal::TERM);
    server.wait_for_log("\"message\":\"stopping\"");
    eventually(|| TcpStream::connect(server.address).is_err());
    for client in &mut busy {
        let answer = client.receive().unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(server.ended().code, Some(0));
}

#[test]
fn during_the_drain_everything_is_served_but_readyz_says_no() {
    let place = patient_place().with("MUNJIGI_SERVER__DRAIN", "3s");
    let server = place.serve();
    let ready = || server.client().get("/readyz", "").status;
    assert_eq!(ready(), 200);
    let begun = Instant::now();
    server.signal(Signal::TERM);
    server.wait_for_log("\"message\":\"stopping\"");
    let mut answer = server.client().get("/readyz", "");
    if begun.elapsed() < Duration::from_secs(3) {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.body["status"], "stopping", "{answer:?}");
        answer = server.client().get("/healthz", "");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(begun.elapsed() >= Duration::from_secs(3), "{ended:?}");
    assert!(ended.took < AT_ONCE, "{ended:?}");
}

fn assert_a_second_signal_ends(mut server: Server) {
    server.signal(Signal::TERM);
    server.wait_for_log("\"message\":\"stopping\"");
    // A signal within one second counts as a repetition of the first.
    thread::sleep(Duration::from_millis(1500));
    assert!(server.runs());
    server.signal(Signal::TERM);
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took < AT_ONCE, "{ended:?}");
}

#[test]
fn a_second_signal_ends_the_drain() {
    let place = patient_place().with("MUNJIGI_SERVER__DRAIN", "10m");
    let server = place.serve();
    assert_a_second_signal_ends(server);
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let place = slow_place();
    let server = place.serve();
    let mut client = server.client();
    // The body of this request is never sent.
    client
        .raw(b"POST /auth/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
        .unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_a_second_signal_ends(server);
}

#[test]
fn a_code_that_was_requested_is_sent_before_the_end() {
    let receiver = Receiver::start();
    let place = Place::new().with_webhook(&receiver.url);
    place.client("acme");
    let server = place.serve();
    let asked = server.client().post(
        "/clients/otp/request",
        &[],
        &serde_json::json!({"username": "acme"}),
    );
    // The receiver refuses the first attempt, so the code is sent by a later one.
    server.stop();
    let challenge = asked.body["data"]["challenge_id"].as_str().unwrap();
    assert_eq!(receiver.tries(challenge), 2);
}
