//! A small HTTP server that stores the bodies it receives, for codes delivered by webhook.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::server::TIMEOUT;

/// A receiver; its thread ends with the test binary.
pub struct Receiver {
    /// Its address.
    pub url: String,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    /// Answers the first request with 503 and every other with 204.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/codes", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&bodies);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let mut stream = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                while stream.read_line(&mut head).is_ok_and(|read| read > 2) {}
                for line in head.lines() {
                    if let Some((name, value)) = line.split_once(':')
                        && name.eq_ignore_ascii_case("content-length")
                    {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                received
                    .lock()
                    .unwrap()
                    .push(serde_json::from_slice(&body).unwrap());
                let status = if number == 0 {
                    "503 Not Now"
                } else {
                    "204 Done"
                };
                let answer =
                    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        Self { url, bodies }
    }

    /// Waits for this number of requests, and returns their bodies.
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let bodies = self.bodies.lock().unwrap().clone();
            if bodies.len() >= count {
                return bodies;
            }
            assert!(
                begun.elapsed() < TIMEOUT,
                "{} of {count} requests",
                bodies.len()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How often the code of a challenge was sent.
    pub fn tries(&self, challenge: &str) -> usize {
        let bodies = self.bodies.lock().unwrap();
        let of_it = |body: &&Value| body["data"]["challenge_id"] == challenge;
        bodies.iter().filter(of_it).count()
    }

    /// Waits for the code of a challenge.
    pub fn code(&self, challenge: &str) -> String {
        let begun = Instant::now();
        loop {
            let bodies = self.bodies.lock().unwrap();
            let found = bodies
                .iter()
                .find(|body| body["data"]["challenge_id"] == challenge);
            if let Some(body) = found {
                return body["data"]["code"].as_str().unwrap().to_owned();
            }
            drop(bodies);
            assert!(begun.elapsed() < TIMEOUT, "no code was delivered");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
