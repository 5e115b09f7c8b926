//! A client of the measured server: one connection, one request at a time.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Result,
    server::{EMAIL, PASSWORD},
};

/// A server in callgrind is some fifty times slower.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The tokens of a session.
pub struct Pair {
    access: String,
    refresh: String,
}

impl Pair {
    fn of(answer: &Value) -> Result<Self> {
        let token = |name: &str| answer["data"][name].as_str().map(str::to_owned);
        let tokens = token("access").zip(token("refresh"));
        let (access, refresh) = tokens.ok_or_else(|| format!("no tokens in {answer}"))?;
        Ok(Self { access, refresh })
    }
}

/// A connection.
pub struct Client(TcpStream);

impl Client {
    /// A connection to a server; an error when it does not listen yet.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self(stream))
    }

    /// Logs in.
    pub fn log_in(&mut self) -> Result<Pair> {
        let body = json!({"username": EMAIL, "password": PASSWORD});
        Pair::of(&self.post("/auth/login", &body)?)
    }

    /// Asks for the own account.
    pub fn me(&mut self, pair: &mut Pair) -> Result<()> {
        let head = format!(
            "GET /api/me HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\r\n",
            pair.access
        );
        self.exchange(&head).map(|_| ())
    }

    /// Exchanges the refresh token.
    pub fn refresh(&mut self, pair: &mut Pair) -> Result<()> {
        let answer = self.post("/auth/refresh", &json!({"refresh": pair.refresh}))?;
        *pair = Pair::of(&answer)?;
        Ok(())
    }

    fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let body = body.to_string();
        let length = body.len();
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Sends a request, and returns the JSON of the answer, which must be 200.
    fn exchange(&mut self, request: &str) -> Result<Value> {
        self.0.write_all(request.as_bytes())?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let read = self.0.read(&mut buffer)?;
            answer.extend_from_slice(&buffer[..read]);
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(body) = body(&answer)? {
                let is_ok = answer.starts_with(b"HTTP/1.1 200");
                let text = String::from_utf8_lossy(&answer);
                return if is_ok {
                    Ok(serde_json::from_slice(body)?)
                } else {
                    Err(text.into())
                };
            }
        }
    }
}

/// The body of an answer; `None` while it is incomplete.
fn body(answer: &[u8]) -> Result<Option<&[u8]>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .ok_or("an answer without a length")?;
    Ok(answer[end + 4..].get(..length.parse()?))
}
