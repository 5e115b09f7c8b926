//! `admin.listen` and `admin.enabled`: the panel on a listener of its own, or not at all.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::place::{PASSWORD, Place};

/// The status, and the head and body of the answer to a GET.
fn fetched(address: &str, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    answered(address, &request)
}

/// The status, and the head and body of the answer to a request.
fn answered(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[test]
fn the_panel_is_on_its_own_listener_only() {
    let place = Place::new()
        .with("MUNJIGI_ADMIN__LISTEN", "127.0.0.1:0")
        .with(
            "MUNJIGI_SERVER__PUBLIC_URL",
            "https://login.example.org/auth",
        );
    let server = place.serve();
    let startup = server.startup();
    let mut lines = startup.lines();
    let panel = lines
        .find_map(|line| {
            line.strip_prefix("  admin panel    http://")?
                .strip_suffix("/admin")
        })
        .unwrap_or_else(|| panic!("{startup}"))
        .to_owned();
    let main = server.address.to_string();
    // The link for the first administrator leads to the panel's listener.
    let mut printed = startup
        .lines()
        .filter_map(|line| line.split("first admin").nth(1));
    let link = printed.next().unwrap_or_else(|| panic!("{startup}")).trim();
    let link = link.split(' ').next().unwrap();
    let path = link.strip_prefix(&format!("http://{panel}")).unwrap();
    assert_eq!(fetched(&panel, path).0, 200);
    assert_eq!(fetched(&main, path).0, 404);
    for (path, on_main, on_panel) in [
        ("/admin", 404, 303),
        ("/admin/login", 404, 200),
        ("/account/email/unknown", 410, 404),
        ("/account/password/done", 200, 404),
        ("/docs", 200, 404),
        ("/healthz", 200, 404),
        ("/api/me", 401, 404),
        ("/", 303, 303),
    ] {
        assert_eq!(fetched(&main, path).0, on_main, "{path}");
        assert_eq!(fetched(&panel, path).0, on_panel, "{path}");
    }
    let (_, root) = fetched(&main, "/");
    assert!(root.contains("location: /auth/docs"), "{root}");
    // The files of both have the same address, below the path prefix.
    let (_, page) = fetched(&panel, "/admin/login");
    let file = page.split("href=\"/auth/static/").nth(1).unwrap();
    let file = format!("/static/{}", file.split('"').next().unwrap());
    assert_eq!(
        (fetched(&main, &file).0, fetched(&panel, &file).0),
        (200, 200)
    );
    server.stop();
}

/// The value of the first cookie with this name in an answer.
fn cookie(answer: &str, name: &str) -> String {
    let mut lines = answer.lines().filter_map(|line| line.split_once(name));
    let (_, value) = lines.next().unwrap_or_else(|| panic!("{answer}"));
    format!("{name}{}", value.split(';').next().unwrap())
}

#[test]
fn the_panel_on_its_own_listener_works_without_a_proxy_that_removes_the_path_prefix() {
    let place = Place::new()
        .with("MUNJIGI_ADMIN__LISTEN", "127.0.0.1:0")
        .with(
            "MUNJIGI_SERVER__PUBLIC_URL",
            "https://login.example.org/auth",
        );
    place.user("ann@example.org", "admin");
    let server = place.serve();
    let startup = server.startup();
    let panel = startup.split("admin panel    http://").nth(1).unwrap();
    let panel = panel.split("/admin").next().unwrap();
    for path in ["/auth", "/auth/", "/"] {
        let (status, answer) = fetched(panel, path);
        assert_eq!(status, 303, "{path}");
        assert!(answer.contains("location: /auth/admin"), "{answer}");
    }
    let (status, page) = fetched(panel, "/auth/admin/login?next=%2Fadmin%2Fusers");
    assert_eq!(status, 200, "{page}");
    let file = page.split("href=\"/auth/static/").nth(1).unwrap();
    let file = format!("/auth/static/{}", file.split('"').next().unwrap());
    assert_eq!(fetched(panel, &file).0, 200);
    assert!(page.contains("action=\"/auth/admin/login\""), "{page}");
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let sent = cookie(&page, "__Secure-munjigi_visitor=");
    let password = PASSWORD.replace(' ', "+");
    let body =
        format!("csrf={token}&email=ann%40example.org&password={password}&next=%2Fadmin%2Fusers");
    let head = format!(
        "POST /auth/admin/login HTTP/1.1\r\nHost: {panel}\r\nOrigin: http://{panel}\r\nCookie: {sent}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let (status, answer) = answered(panel, &format!("{head}{body}"));
    assert_eq!(status, 303, "{answer}");
    assert!(answer.contains("location: /auth/admin/users"), "{answer}");
    let session = cookie(&answer, "__Secure-munjigi_session=");
    let request = format!(
        "GET /auth/admin/users HTTP/1.1\r\nHost: {panel}\r\nCookie: {session}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(answered(panel, &request).0, 200);
    // The main listener is behind a proxy in any case.
    let main = server.address.to_string();
    assert_eq!(fetched(&main, "/auth/docs").0, 404);
    server.stop();
}

#[test]
fn the_panel_can_be_off() {
    let place = Place::new().with("MUNJIGI_ADMIN__ENABLED", "false");
    let server = place.serve();
    let startup = server.startup();
    assert!(!startup.contains("/admin"), "{startup}");
    assert!(startup.contains("user create --email"), "{startup}");
    let main = server.address.to_string();
    for (path, status) in [
        ("/admin", 404),
        ("/admin/login", 404),
        ("/account/password/done", 200),
        ("/docs", 200),
        ("/", 303),
    ] {
        assert_eq!(fetched(&main, path).0, status, "{path}");
    }
    server.stop();
}
