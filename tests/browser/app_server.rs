//! A web server with one page, for single-page apps of another origin.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

/// The page around the example in `docs/single-page-apps.md`.
const PAGE: &str = include_str!("single_page.html");

/// The page with the document's example; the server's address is a parameter of the page instead.
fn page() -> String {
    let document = include_str!("../../docs/single-page-apps.md");
    let (_, example) = document.split_once("```js\n").unwrap();
    let (function, _) = example.split_once("\n}\n").unwrap();
    let server = "\"https://auth.example.org\"";
    assert!(function.contains(server), "{function}");
    let function = function.replace(server, "new URLSearchParams(location.search).get('server')");
    PAGE.replace("// THE DOCUMENT'S EXAMPLE", &format!("{function}\n}}"))
}

/// Serves the page of single-page apps, as [`serve_page`].
pub fn serve() -> u16 {
    serve_page(&page())
}

/// Serves a page at every path of a free port and returns the port. The thread ends with the tests.
pub fn serve_page(page: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // Browsers open connections in advance and send nothing for a while.
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while stream.read_line(&mut head).is_ok_and(|read| read > 2) {}
                let _ = stream.get_mut().write_all(answer.as_bytes());
            });
        }
    });
    port
}
