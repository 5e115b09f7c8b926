//! Latency of a refresh among ten million tokens, compared with one among ten thousand.

use std::time::Instant;

use munjigi::clock::Clock;

use crate::{
    Result,
    closed_loop::Client,
    cluster::Cluster,
    database::{Database, add_logged_in},
    http::BlockingConnection,
    options::Options,
    refresh::Refresher,
    rows::fill,
    server::Server,
    statistics::median_millis,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// How many tokens the two databases have.
const TOKENS: [i64; 2] = [10_000_000, 10_000];
/// How many refreshes a round measures.
const REFRESHES: u32 = 2_000;
/// How many clients refresh in turn.
const CLIENTS: usize = 32;

/// Measures both databases.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("refresh-among")?;
    let files = ["many.db", "few.db"].map(|name| Database::Sqlite(directory.join(name)));
    let mut rows = measure_on("SQLite", &files, options, work_dir)?;
    let cluster = Cluster::start(work_dir)?;
    let databases = [
        cluster.database_named("many")?,
        cluster.database_named("few")?,
    ];
    rows.extend(measure_on("Postgres", &databases, options, work_dir)?);
    Ok(rows)
}

fn measure_on(
    name: &str,
    databases: &[Database; 2],
    options: &Options,
    work_dir: &WorkDir,
) -> Result<Vec<Row>> {
    let mut sides = Vec::new();
    for (index, (database, tokens)) in databases.iter().zip(TOKENS).enumerate() {
        // They expire from tomorrow on, as the tokens of the clients do.
        fill(
            database,
            tokens,
            Clock::System.now().unix_micros() / 1_000_000 + 86_400,
        )?;
        let users = add_logged_in(&mut database.connect()?, 0..CLIENTS)?;
        let directory = work_dir.directory(&format!("refresh-among-{index}"))?;
        let server = Server::munjigi(database, &directory)?;
        let clients: Vec<Refresher> = users.iter().map(Refresher::new).collect();
        sides.push((server, clients));
    }
    let mut medians = [Vec::new(), Vec::new()];
    for round in 0..=options.rounds {
        for ((server, clients), medians) in sides.iter_mut().zip(&mut medians) {
            let median = median_of_refreshes(server, clients)?;
            // The first round only warms up.
            if round > 0 {
                medians.push(median);
            }
        }
    }
    let title = format!("refresh among 10,000,000 tokens, {name}, p50");
    let [many, few] = &medians;
    Ok(vec![Row::ratio(
        &title,
        "ms",
        many,
        few,
        Target::AtMost(1.1),
    )])
}

fn median_of_refreshes(server: &Server, clients: &mut [Refresher]) -> Result<f64> {
    let mut connection = BlockingConnection::open(server.address)?;
    let (mut times, number) = (Vec::new(), clients.len());
    for index in 0..REFRESHES as usize {
        let Some(client) = clients.get_mut(index % number) else {
            break;
        };
        let start = Instant::now();
        let response = connection.exchange(client.request())?;
        times.push(start.elapsed());
        client.accept(&response)?;
    }
    Ok(median_millis(&times))
}
