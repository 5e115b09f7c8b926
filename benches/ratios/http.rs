//! The least HTTP/1.1 that a load needs: a request that was written beforehand, and an answer with a length, on a
//! connection that stays. The load shares the machine with what it measures, so it has to cost little.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    ops::Range,
    time::Duration,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Result;

/// No answer that is asked for here is longer, pages of the panel included.
const BUFFER: usize = 256 * 1024;
/// A server that says nothing for so long is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Nothing, if the status is this one; else an error that shows the answer.
    pub fn expect(&self, status: u16) -> Result<()> {
        if self.status == status {
            Ok(())
        } else {
            let body = String::from_utf8_lossy(self.body);
            Err(format!("status {} where {status} was due: {body}", self.status).into())
        }
    }
}

/// A GET request, with a bearer where one is given.
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

/// A connection of a load with many of them on one thread.
pub struct Connection {
    stream: tokio::net::TcpStream,
    buffer: Box<[u8]>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        })
    }

    /// Sends a request and waits for its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let (status, body) = loop {
            match self.stream.read(&mut self.buffer[filled..]).await? {
                0 => return Err(gone()),
                read => filled += read,
            }
            if let Some(parts) = parts(&self.buffer[..filled])? {
                break parts;
            }
        };
        Ok(Answer {
            status,
            body: &self.buffer[body],
        })
    }
}

/// A connection that blocks its thread: for times to be taken one by one, without a timer wheel between.
pub struct Caller {
    stream: std::net::TcpStream,
    buffer: Box<[u8]>,
}

impl Caller {
    /// Connects.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        })
    }

    /// Sends a request and waits for its answer.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let (status, body) = loop {
            match self.stream.read(&mut self.buffer[filled..])? {
                0 => return Err(gone()),
                read => filled += read,
            }
            if let Some(parts) = parts(&self.buffer[..filled])? {
                break parts;
            }
        };
        Ok(Answer {
            status,
            body: &self.buffer[body],
        })
    }
}

fn gone() -> crate::Failure {
    std::io::Error::new(
        ErrorKind::UnexpectedEof,
        "the server closed the connection, or answered too much",
    )
    .into()
}

/// Status and body of an answer; `None` while it is not complete.
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
        .ok_or("an answer without a length")?;
    let body = head + 4..head + 4 + length.1.trim().parse::<usize>()?;
    let status = status.parse()?;
    Ok((received.len() >= body.end).then_some((status, body)))
}
