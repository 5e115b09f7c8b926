//! A web server of one page, for apps that stand elsewhere than munjigi.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

/// The page.
const PAGE: &str = include_str!("single_page.html");

/// Serves the page at every path of a port of its own; the thread ends with the tests. The port.
pub fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser connects ahead of time too, and then says nothing for a while.
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while stream.read_line(&mut head).is_ok_and(|read| read > 2) {}
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
                    PAGE.len()
                );
                let _ = stream.get_mut().write_all(answer.as_bytes());
            });
        }
    });
    port
}
