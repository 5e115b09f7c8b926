//! A minimal HTTP/1.1 client: prepared requests, responses with `Content-Length`, persistent connections. It must use
//! little CPU time, because it runs on the same machine as the measured server.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    ops::Range,
    time::Duration,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Result;

/// Maximum size of a response, including pages of the admin panel.
const BUFFER: usize = 256 * 1024;
/// Maximum time for a response.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// A response.
pub struct Response<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Response<'_> {
    /// An error with the body, unless the status is the expected one.
    pub fn expect(&self, status: u16) -> Result<()> {
        if self.status == status {
            Ok(())
        } else {
            let body = String::from_utf8_lossy(self.body);
            Err(format!("expected status {status}, got {}: {body}", self.status).into())
        }
    }
}

/// A GET request, with a bearer token if given.
pub fn get(path: &str, bearer: Option<&str>) -> Vec<u8> {
    let authorization = bearer.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n").into_bytes()
}

/// A POST request with a JSON body.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An asynchronous connection, for many connections on one thread.
pub struct Connection {
    stream: tokio::net::TcpStream,
    buffer: Box<[u8]>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        })
    }

    /// Sends a request and waits for the response.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let (status, body) = loop {
            match self.stream.read(&mut self.buffer[filled..]).await? {
                0 => return Err(closed()),
                read => filled += read,
            }
            if let Some(parts) = parts(&self.buffer[..filled])? {
                break parts;
            }
        };
        Ok(Response {
            status,
            body: &self.buffer[body],
        })
    }
}

/// A blocking connection, for precise measurement of single requests.
pub struct BlockingConnection {
    stream: std::net::TcpStream,
    buffer: Box<[u8]>,
}

impl BlockingConnection {
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        })
    }

    /// Opens a connection, exchanges one request for 200, and leaves the connection open.
    pub fn once(address: SocketAddr, request: &[u8]) -> Result<std::net::TcpStream> {
        let mut connection = Self::open(address)?;
        connection.exchange(request)?.expect(200)?;
        Ok(connection.stream)
    }

    /// Sends a request and waits for the response.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let (status, body) = loop {
            match self.stream.read(&mut self.buffer[filled..])? {
                0 => return Err(closed()),
                read => filled += read,
            }
            if let Some(parts) = parts(&self.buffer[..filled])? {
                break parts;
            }
        };
        Ok(Response {
            status,
            body: &self.buffer[body],
        })
    }
}

fn closed() -> crate::Failure {
    std::io::Error::new(
        ErrorKind::UnexpectedEof,
        "the server closed the connection, or the response is too large",
    )
    .into()
}

/// Status and body of a response; `None` if it is incomplete.
fn parts(received: &[u8]) -> Result<Option<(u16, Range<usize>)>> {
    let Some(head) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&received[..head])?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or("no status line")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .ok_or("a response without Content-Length")?;
    let body = head + 4..head + 4 + length.1.trim().parse::<usize>()?;
    let status = status.parse()?;
    Ok((received.len() >= body.end).then_some((status, body)))
}
