//! `munjigi health`: whether the running server is ready, in one line and the exit code.

use rustix::process::Signal;

use super::{place::Place, server::eventually};

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn health_asks_the_server_that_listens_on_any_address() {
    for listen in ["127.0.0.1", "0.0.0.0"] {
        let address = format!("{listen}:{}", free_port());
        let place = Place::new()
            .with("MUNJIGI_OTP__DELIVERY", "off")
            .with("MUNJIGI_SERVER__LISTEN", &address)
            .with("MUNJIGI_SERVER__DRAIN", "10m")
            // The probe must not go through a proxy.
            .with("HTTP_PROXY", "http://127.0.0.1:1");
        let stopped = place.run(&["health"]);
        assert_eq!(stopped.code, Some(1), "{stopped:?}");
        assert_eq!(stopped.stderr.lines().count(), 1, "{stopped:?}");
        assert!(stopped.stderr.contains("refused"), "{stopped:?}");
        let server = place.serve();
        let ready = place.done(&["health"], "");
        assert!(ready.starts_with("ready: http://127.0.0.1:"), "{ready}");
        assert_eq!(ready.lines().count(), 1, "{ready}");
        server.signal(Signal::TERM);
        eventually(|| place.run(&["health"]).code == Some(1));
        let draining = place.run(&["health"]);
        assert!(draining.stderr.contains("status 503"), "{draining:?}");
        server.kill();
    }
}

#[test]
fn health_needs_to_know_the_port() {
    let finished = Place::on_sqlite().run(&["health"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("server.listen"), "{finished:?}");
}
