//! Room for so many connections, and what somebody is told for whom there is none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::body::MessageBody;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    http::{
        api::errors::ApiError,
        middleware::{
            context::{RequestContext, mark},
            origin::is_https,
        },
    },
    services::{Error, Services},
};

/// The places of all workers. Clones share them.
#[derive(Clone)]
pub(crate) struct ConnectionLimit {
    taken: Arc<AtomicUsize>,
    most: usize,
}

impl ConnectionLimit {
    /// So many.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    /// How many there are.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// A place, if one is free; it is given back when it is dropped.
    pub(crate) fn take(&self) -> Option<ConnectionSlot> {
        let place = ConnectionSlot(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.most).then_some(place)
    }
}

/// The place of one connection.
pub(crate) struct ConnectionSlot(Arc<AtomicUsize>);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers `503` `OVERLOADED` to whatever is asked on a connection, and closes it, within so long.
pub(crate) async fn turn_away(mut stream: TcpStream, services: &Services, patience: Duration) {
    let Some(answer) = overloaded(services) else {
        return;
    };
    let told = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        // What was not read when a connection closes makes the system take back what was written.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whoever does not wait for it is gone.
    let _ = timeout(patience, told).await;
}

/// The answer as it goes over the wire.
fn overloaded(services: &Services) -> Option<Vec<u8>> {
    let language = services.config.language.default;
    let context = RequestContext::unread(services.clock.now(), language);
    let mut answer = ApiError::from(Error::Overloaded).answer(&context);
    mark(answer.headers_mut(), &context, is_https(services));
    let mut wire = format!("HTTP/1.1 {}\r\nconnection: close\r\n", answer.status()).into_bytes();
    for (name, value) in answer.headers() {
        wire.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body = answer.into_body().try_into_bytes().ok()?;
    wire.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    wire.extend(body);
    Some(wire)
}
