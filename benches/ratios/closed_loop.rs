//! Closed loop: so many connections, each of which asks again as soon as it is answered. All of them live on one thread.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Result,
    exchange::{Answer, Connection},
};

/// Somebody who asks over and over.
pub trait Client: Send + 'static {
    /// The next request.
    fn request(&mut self) -> &[u8];

    /// Looks at its answer; whether it counts. A wrong answer is an error and ends the load.
    fn accept(&mut self, answer: &Answer<'_>) -> Result<bool>;
}

/// What came of a load.
pub struct Run<C> {
    /// How many answers counted.
    pub answers: u32,
    /// From the first request to the last answer.
    pub took: Duration,
    /// The clients, to go on where they stopped.
    pub clients: Vec<C>,
}

impl<C> Run<C> {
    /// Answers that counted, for each second.
    pub fn rate(&self) -> f64 {
        f64::from(self.answers) / self.took.as_secs_f64()
    }
}

/// Lets each client ask on a connection of its own while `go_on` says so. A request that was sent is waited for.
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
        let began = Instant::now();
        let tasks: Vec<_> = ready
            .into_iter()
            .map(|(connection, client)| tokio::spawn(ask(connection, client, go_on.clone())))
            .collect();
        let mut run = Run {
            answers: 0,
            took: Duration::ZERO,
            clients: Vec::with_capacity(tasks.len()),
        };
        for task in tasks {
            let (answers, client) = task.await??;
            run.answers += answers;
            run.clients.push(client);
        }
        run.took = began.elapsed();
        Ok(run)
    })
}

/// As [`run`], for so long.
pub fn run_for<C: Client>(address: SocketAddr, clients: Vec<C>, turn: Duration) -> Result<Run<C>> {
    let end = Instant::now() + turn;
    run(address, clients, move || Instant::now() < end)
}

async fn ask<C: Client>(
    mut connection: Connection,
    mut client: C,
    go_on: impl Fn() -> bool,
) -> Result<(u32, C)> {
    let mut answers = 0;
    while go_on() {
        let answer = connection.exchange(client.request()).await?;
        answers += u32::from(client.accept(&answer)?);
    }
    Ok((answers, client))
}

/// A client that sends one and the same request and wants 200.
#[derive(Clone)]
pub struct Same(pub Vec<u8>);

impl Client for Same {
    fn request(&mut self) -> &[u8] {
        &self.0
    }

    fn accept(&mut self, answer: &Answer<'_>) -> Result<bool> {
        answer.expect(200).map(|()| true)
    }
}
