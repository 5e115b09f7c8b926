//! A small HTTP client: one kept-alive connection, and full control over the bytes of a request, invalid ones included.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use super::{place::PASSWORD, server::TIMEOUT};

/// A client with one connection.
pub struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; `Null` if it is not JSON.
    pub body: Value,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// The `WWW-Authenticate` header.
    pub challenge: Option<String>,
    /// The refresh token in its `Set-Cookie` header.
    pub refresh_cookie: Option<String>,
}

impl Answer {
    /// The `code` of its envelope.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// The tokens of a session.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl Pair {
    /// The tokens of a response with status 200.
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = |name: &str| answer.body["data"][name].as_str().unwrap().to_owned();
        Self {
            access: text("access"),
            refresh: text("refresh"),
        }
    }
}

impl Client {
    /// Without a connection; the first request opens one.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            headers: Vec::new(),
        }
    }

    /// Connects, if it is not connected.
    pub fn connect(&mut self) -> io::Result<&mut BufReader<TcpStream>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_nodelay(true)?;
            self.stream = Some(BufReader::new(stream));
        }
        Ok(self.stream.as_mut().unwrap())
    }

    /// Sends a request without waiting for the response.
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<()> {
        let length = body.len().to_string();
        let own = self.headers.iter();
        let lines: String = own
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(headers.iter().copied())
            .chain([("Host", "test"), ("Content-Length", length.as_str())])
            .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
            .collect();
        let head = format!("{method} {target} HTTP/1.1\r\n{lines}\r\n{body}");
        self.raw(head.as_bytes())
    }

    /// Sends bytes.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connect()?.get_mut().write_all(bytes)
    }

    /// Reads a response.
    pub fn receive(&mut self) -> io::Result<Answer> {
        let stream = self.connect()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                self.stream = None;
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (known, value) = line.split_once(':')?;
                known.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let length = header("content-length").map(|length| length.parse().unwrap());
        let closes = header("connection") == Some("close");
        let retry_after = header("retry-after").map(str::to_owned);
        let challenge = header("www-authenticate").map(str::to_owned);
        let mut refresh_cookie = None;
        for line in head.lines() {
            if let Some((_, rest)) = line.split_once("munjigi_refresh=") {
                refresh_cookie = rest.split(';').next().map(str::to_owned);
            }
        }
        let mut body = vec![0; length.unwrap_or_default()];
        if length.is_none() && closes {
            stream.read_to_end(&mut body)?;
        } else {
            stream.read_exact(&mut body)?;
        }
        if closes {
            self.stream = None;
        }
        Ok(Answer {
            status: head[9..12].parse().unwrap(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            retry_after,
            challenge,
            refresh_cookie,
        })
    }

    /// Sends JSON and reads the response.
    pub fn try_post(
        &mut self,
        target: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> io::Result<Answer> {
        let json = [&[("Content-Type", "application/json")], headers].concat();
        self.send("POST", target, &json, &body.to_string())?;
        self.receive()
    }

    /// As [`Client::try_post`]; the server must respond.
    pub fn post(&mut self, target: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.try_post(target, headers, body).unwrap()
    }

    /// Sends a GET request with an access token; the server must respond.
    pub fn get(&mut self, target: &str, access: &str) -> Answer {
        self.try_get(target, access).unwrap()
    }

    /// As [`Client::get`], if the server may not respond.
    pub fn try_get(&mut self, target: &str, access: &str) -> io::Result<Answer> {
        let bearer = format!("Bearer {access}");
        self.send("GET", target, &[("Authorization", &bearer)], "")?;
        self.receive()
    }

    /// Logs in with [`PASSWORD`].
    pub fn log_in(&mut self, username: &str, user_type: &str) -> Answer {
        let body = json!({"username": username, "password": PASSWORD, "user_type": user_type});
        self.post("/auth/login", &[], &body)
    }

    /// Logs in an internal user and returns the tokens.
    pub fn session(&mut self, email: &str) -> Pair {
        Pair::of(&self.log_in(email, "user"))
    }

    /// Refreshes.
    pub fn refresh(&mut self, refresh: &str) -> Answer {
        self.post("/auth/refresh", &[], &json!({"refresh": refresh}))
    }

    /// Logs out.
    pub fn try_log_out(&mut self, pair: &Pair) -> io::Result<Answer> {
        let bearer = format!("Bearer {}", pair.access);
        self.try_post(
            "/auth/logout",
            &[("Authorization", &bearer)],
            &json!({"refresh": pair.refresh}),
        )
    }
}
