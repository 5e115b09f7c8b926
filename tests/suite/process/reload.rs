//! SIGHUP: what changes while the server runs, what needs a restart, and what is refused.

use rustix::process::Signal;

use super::{
    place::{Place, write},
    server::{Server, eventually},
};

const ORIGIN: &str = "https://app.example.org";

/// A server with a configuration file.
fn serve(place: &Place, file: &str) -> Server {
    write(&place.path("munjigi.toml"), file);
    place.serve()
}

/// Writes another file and waits until the server has said this about it.
fn reload(place: &Place, server: &Server, file: &str, says: &str) {
    let before = server.log().matches(says).count();
    write(&place.path("munjigi.toml"), file);
    server.signal(Signal::HUP);
    eventually(|| server.log().matches(says).count() > before);
}

const RELOADED: &str = "the configuration was reloaded";

/// The value of `Access-Control-Allow-Origin`.
fn allows_origin(server: &Server) -> bool {
    let head = head_of(server, &format!("Origin: {ORIGIN}\r\n"));
    head.to_lowercase()
        .contains(&format!("access-control-allow-origin: {ORIGIN}"))
}

fn head_of(server: &Server, headers: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let request = format!("GET /api/me HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn origins_and_proxies_change_at_once() {
    let place = Place::new();
    let server = serve(&place, "");
    assert!(!allows_origin(&server));
    let forwarded = |address: &str| {
        head_of(&server, &format!("X-Forwarded-For: {address}\r\n"));
        eventually(|| server.log().matches("\"route\":\"/api/me\"").count() > 0);
    };
    forwarded("198.51.100.1");
    let file = format!(
        "[server]\nallowed_origins = ['{ORIGIN}']\ntrusted_proxies = ['127.0.0.1']\n[log]\nlevel = 'debug'"
    );
    reload(&place, &server, &file, RELOADED);
    server.wait_for_log("\"keys\":\"log.level, server.allowed_origins, server.trusted_proxies\"");
    assert!(allows_origin(&server));
    forwarded("198.51.100.2");
    server.wait_for_log("198.51.100.2");
    assert!(!server.log().contains("198.51.100.1"), "{}", server.log());
    // Back to the defaults.
    reload(&place, &server, "", RELOADED);
    assert!(!allows_origin(&server));
    assert!(!server.log().contains("need a restart"), "{}", server.log());
    server.stop();
}

#[test]
fn the_level_of_the_log_changes_at_once() {
    let place = Place::new();
    let server = serve(&place, "[log]\nlevel = 'error'");
    let get = |path: &str| assert_eq!(server.client().get(path, "").status, 404);
    get("/silent");
    reload(&place, &server, "[log]\nlevel = 'info'", RELOADED);
    get("/logged");
    eventually(|| server.log().matches("\"status\":404").count() == 1);
    // The line that says so is still logged.
    reload(&place, &server, "[log]\nlevel = 'error'", RELOADED);
    get("/silent");
    let ended = server.stop();
    assert_eq!(
        ended.stdout.matches("\"status\":404").count(),
        1,
        "{ended:?}"
    );
}

#[test]
fn other_settings_are_named_and_need_a_restart() {
    let place = Place::new();
    let server = serve(
        &place,
        "[smtp]\nusername = 'u'\npassword = 'p'\nhost = 'localhost'",
    );
    let file = "[smtp]\nusername = 'u'\npassword = 'q'\nhost = 'localhost'\n[tokens]\naccess_lifetime = '7m'\n\
        [log]\nlevel = 'warn'";
    let says = "these settings changed and need a restart";
    reload(&place, &server, file, says);
    server.wait_for_log("\"keys\":\"smtp.password, tokens.access_lifetime\"");
    server.wait_for_log("\"keys\":\"log.level\"");
    // As long as there was no restart, each reload says so.
    reload(&place, &server, file, says);
    server.stop();
}

#[test]
fn an_invalid_configuration_changes_nothing() {
    let place = Place::new();
    let good = format!("[server]\nallowed_origins = ['{ORIGIN}']");
    let server = serve(&place, &good);
    assert!(allows_origin(&server));
    for (bad, error) in [
        (
            "[server]\nallowed_origins = ['*']",
            "server.allowed_origins[0]",
        ),
        ("[tokens]\naccess_lifetime = '0s'", "tokens.access_lifetime"),
        (
            "[smtp]\npassword = 'file:/nowhere'",
            "the file /nowhere does not exist",
        ),
        ("not toml", "not TOML"),
    ] {
        reload(&place, &server, bad, "the configuration was not reloaded");
        server.wait_for_log(error);
        assert!(allows_origin(&server), "{bad}");
    }
    std::fs::remove_file(place.path("munjigi.toml")).unwrap();
    server.signal(Signal::HUP);
    eventually(|| server.log().contains(RELOADED));
    assert!(!allows_origin(&server));
    server.stop();
}

#[test]
fn a_hangup_before_the_start_is_complete_does_not_end_the_server() {
    let place = Place::new();
    let mut server = serve(&place, "");
    for _ in 0..20 {
        server.signal(Signal::HUP);
    }
    assert!(server.runs());
    assert_eq!(server.client().get("/healthz", "").status, 200);
    server.stop();
}
