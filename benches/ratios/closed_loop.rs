//! Closed-loop load: a fixed number of connections, each of which sends its next request after a response. They share one
//! thread.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Result,
    http::{Connection, Response},
};

/// A client of the load.
pub trait Client: Send + 'static {
    /// The next request.
    fn request(&mut self) -> &[u8];

    /// Checks the response and returns whether it counts. An error ends the load.
    fn accept(&mut self, response: &Response<'_>) -> Result<bool>;
}

/// The result of a load.
pub struct Run<C> {
    /// Number of responses that count.
    pub responses: u32,
    /// From the first request to the last response.
    pub elapsed: Duration,
    /// The clients, for a further load.
    pub clients: Vec<C>,
}

impl<C> Run<C> {
    /// Responses that count, per second.
    pub fn rate(&self) -> f64 {
        f64::from(self.responses) / self.elapsed.as_secs_f64()
    }
}

/// Runs each client on its own connection while `go_on` returns `true`. Requests that were sent are completed.
pub fn run<C, G>(address: SocketAddr, clients: Vec<C>, go_on: G) -> Result<Run<C>>
where
    C: Client,
    G: Fn() -> bool + Clone + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut ready = Vec::with_capacity(clients.len());
        for client in clients {
            ready.push((Connection::open(address).await?, client));
        }
        let start = Instant::now();
        let tasks: Vec<_> = ready
            .into_iter()
            .map(|(connection, client)| tokio::spawn(run_client(connection, client, go_on.clone())))
            .collect();
        let mut run = Run {
            responses: 0,
            elapsed: Duration::ZERO,
            clients: Vec::with_capacity(tasks.len()),
        };
        for task in tasks {
            let (responses, client) = task.await??;
            run.responses += responses;
            run.clients.push(client);
        }
        run.elapsed = start.elapsed();
        Ok(run)
    })
}

/// Like [`run`], for this time.
pub fn run_for<C: Client>(
    address: SocketAddr,
    clients: Vec<C>,
    duration: Duration,
) -> Result<Run<C>> {
    let end = Instant::now() + duration;
    run(address, clients, move || Instant::now() < end)
}

/// Runs the clients for this time with one request each `interval`, in turn. Returns the latencies from the scheduled times,
/// which contain the time that a request had to wait for the one before it, and the clients.
pub fn run_paced<C: Client>(
    address: SocketAddr,
    clients: Vec<C>,
    interval: Duration,
    duration: Duration,
) -> Result<(Vec<Duration>, Vec<C>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let period = interval * u32::try_from(clients.len())?;
    runtime.block_on(async {
        let mut ready = Vec::with_capacity(clients.len());
        for client in clients {
            ready.push((Connection::open(address).await?, client));
        }
        let start = Instant::now();
        let tasks: Vec<_> = (0..)
            .zip(ready)
            .map(|(index, (mut connection, mut client))| {
                tokio::spawn(async move {
                    let (mut due, mut latencies) = (start + interval * index, Vec::new());
                    while due < start + duration {
                        tokio::time::sleep_until(due.into()).await;
                        let response = connection.exchange(client.request()).await?;
                        client.accept(&response)?;
                        latencies.push(due.elapsed());
                        due += period;
                    }
                    Ok::<_, crate::Failure>((latencies, client))
                })
            })
            .collect();
        let (mut latencies, mut clients) = (Vec::new(), Vec::new());
        for task in tasks {
            let (of_client, client) = task.await??;
            latencies.extend(of_client);
            clients.push(client);
        }
        Ok((latencies, clients))
    })
}

async fn run_client<C: Client>(
    mut connection: Connection,
    mut client: C,
    go_on: impl Fn() -> bool,
) -> Result<(u32, C)> {
    let mut responses = 0;
    while go_on() {
        let response = connection.exchange(client.request()).await?;
        responses += u32::from(client.accept(&response)?);
    }
    Ok((responses, client))
}

/// Sends the same request again and expects 200.
#[derive(Clone)]
pub struct RepeatedRequest(pub Vec<u8>);

impl Client for RepeatedRequest {
    fn request(&mut self) -> &[u8] {
        &self.0
    }

    fn accept(&mut self, response: &Response<'_>) -> Result<bool> {
        response.expect(200).map(|()| true)
    }
}
