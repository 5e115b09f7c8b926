//! `server.tls_certificate`: the server speaks https itself.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    certificate::{Authority, with_tls},
    place::{Place, write},
    server::{TIMEOUT, eventually},
};

const HOST: &str = "auth.example.org";

#[tokio::test]
async fn the_server_speaks_https_with_the_certificate() {
    let authority = Authority::new();
    let place = with_tls(Place::new())
        .with("MUNJIGI_ADMIN__LISTEN", "127.0.0.1:0")
        .with("MUNJIGI_SERVER__PUBLIC_URL", format!("https://{HOST}"));
    authority.install(&place, &[HOST]);
    let server = place.serve();
    let client = authority.client(&[HOST], server.address);
    let url = format!("https://{HOST}:{}", server.address.port());
    let answer = client.get(format!("{url}/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.version(), reqwest::Version::HTTP_11);
    let policy = answer.headers()["strict-transport-security"].to_str();
    assert_eq!(policy.unwrap(), "max-age=31536000");
    // A body larger than a record of TLS.
    let document = client.get(format!("{url}/openapi.json")).send().await;
    let document = document.unwrap().text().await.unwrap();
    assert!(document.len() > 32 * 1024 && document.ends_with('}'));
    let startup = server.startup();
    let panel = startup
        .lines()
        .find_map(|line| line.strip_prefix("  admin panel    https://127.0.0.1:"));
    let port = panel.unwrap_or_else(|| panic!("{startup}"));
    let port = port.trim_end_matches("/admin").parse().unwrap();
    let client = authority.client(&[HOST], ([127, 0, 0, 1], port).into());
    let page = format!("https://{HOST}:{port}/admin/login");
    let page = client.get(page).send().await.unwrap();
    assert_eq!(page.status(), 200);
    server.stop();
}

#[tokio::test]
async fn cookies_of_a_server_with_a_certificate_are_secure() {
    let authority = Authority::new();
    let place = with_tls(Place::new()).with("MUNJIGI_TOKENS__TRANSPORT", "cookie");
    authority.install(&place, &[HOST]);
    place.user("ann@example.org", "admin");
    let server = place.serve();
    let client = authority.client(&[HOST], server.address);
    let url = format!("https://{HOST}:{}/auth/login", server.address.port());
    let body = serde_json::json!({
        "username": "ann@example.org", "password": super::place::PASSWORD,
    });
    let answer = client.post(url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let cookies: Vec<&str> = answer
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    let is_secure = |cookie: &&str| cookie.starts_with("__") && cookie.contains("; Secure");
    assert!(
        cookies.len() > 1 && cookies.iter().all(is_secure),
        "{cookies:?}"
    );
    server.stop();
}

#[test]
fn health_asks_over_https() {
    let port = super::health::free_port();
    let place = with_tls(Place::new()).with("MUNJIGI_SERVER__LISTEN", format!("127.0.0.1:{port}"));
    Authority::new().install(&place, &[HOST]);
    let server = place.serve();
    let ready = place.done(&["health"], "");
    assert_eq!(ready, format!("ready: https://127.0.0.1:{port}/readyz\n"));
    server.stop();
}

#[test]
fn a_client_that_speaks_no_tls_is_cut_off() {
    let place = with_tls(Place::new()).with("MUNJIGI_SERVER__HEAD_TIMEOUT", "100ms");
    Authority::new().install(&place, &[HOST]);
    let server = place.serve();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // One that sends nothing is cut off after the time for a head.
    let mut silent = TcpStream::connect(server.address).unwrap();
    silent.set_read_timeout(Some(TIMEOUT)).unwrap();
    assert_eq!(silent.read(&mut [0; 16]).unwrap(), 0);
    server.stop();
}

#[tokio::test]
async fn a_handshake_that_does_not_end_gives_way_to_another_connection() {
    let authority = Authority::new();
    let place = with_tls(Place::new())
        .with("MUNJIGI_SERVER__MAX_CONNECTIONS", "1")
        .with("MUNJIGI_SERVER__WORKERS", "1")
        .with("MUNJIGI_SERVER__HEAD_TIMEOUT", "1m");
    authority.install(&place, &[HOST]);
    let server = place.serve();
    let mut silent = TcpStream::connect(server.address).unwrap();
    silent.set_read_timeout(Some(TIMEOUT)).unwrap();
    let client = authority.client(&[HOST], server.address);
    let url = format!("https://{HOST}:{}/healthz", server.address.port());
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(silent.read(&mut [0; 16]).unwrap(), 0);
    server.stop();
}

#[tokio::test]
async fn a_reload_reads_the_certificate_again() {
    let (old, new) = (Authority::new(), Authority::new());
    let place = with_tls(Place::new());
    old.install(&place, &[HOST]);
    let server = place.serve();
    let url = format!("https://{HOST}:{}/healthz", server.address.port());
    let works = async |authority: &Authority| {
        let client = authority.client(&[HOST], server.address);
        client.get(&url).send().await.is_ok()
    };
    assert!(works(&old).await && !works(&new).await);
    // A certificate without its key changes nothing.
    let (certificate, key) = new.issue(&[HOST]);
    write(&place.path("tls/fullchain.pem"), &certificate);
    server.signal(Signal::HUP);
    server.wait_for_log("the configuration was not reloaded");
    assert!(works(&old).await && !works(&new).await);
    write(&place.path("tls/privkey.pem"), &key);
    server.signal(Signal::HUP);
    server.wait_for_log("the certificate was read again");
    assert!(!works(&old).await && works(&new).await);
    server.stop();
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_at_the_start() {
    let (one, other) = (Authority::new(), Authority::new());
    let place = with_tls(Place::on_sqlite());
    let refused = |words: &str| {
        let finished = place.run(&["serve"]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains(words), "{words}: {finished:?}");
    };
    refused("server.tls_certificate (tls/fullchain.pem): cannot be read");
    one.install(&place, &[HOST]);
    write(&place.path("tls/privkey.pem"), "no key");
    refused("server.tls_key (tls/privkey.pem): has no PEM block of this kind");
    write(&place.path("tls/privkey.pem"), &other.issue(&[HOST]).1);
    refused("server.tls_certificate and server.tls_key cannot be used");
    one.install(&place, &[HOST]);
    write(&place.path("tls/fullchain.pem"), &one.issue(&[HOST]).1);
    refused("server.tls_certificate (tls/fullchain.pem): has no PEM block of this kind");
}

#[test]
fn requests_of_a_server_with_tls_end_before_it_stops() {
    let place = with_tls(Place::new()).with("MUNJIGI_SERVER__SHUTDOWN_TIMEOUT", "10m");
    Authority::new().install(&place, &[HOST]);
    let mut server = place.serve();
    // A handshake that has begun does not delay the end.
    let _silent = TcpStream::connect(server.address).unwrap();
    server.signal(Signal::TERM);
    eventually(|| !server.runs());
    let ended = server.ended();
    assert!(ended.took < Duration::from_mins(5), "{ended:?}");
}
