//! Latency of refreshes at half of the server's throughput, and of a login, while a flush, a bulk job or an export runs,
//! compared with the same without.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use diesel::RunQueryDsl;

use crate::{
    Result,
    cluster::Cluster,
    database::{Database, PASSWORD, add_clients, add_logged_in, email},
    flush::{FIRST_EXPIRY, MILLION, flush},
    http::BlockingConnection,
    login,
    options::Options,
    other_floods::{log_in, panel_cookie},
    refresh::Refreshers,
    rows::fill,
    server::Server,
    statistics::{median_millis, millis, p99},
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Number of clients that refresh.
const CLIENTS: usize = 32;
/// Number of accounts that the bulk job changes and the export contains.
const ACCOUNTS: usize = 50_000;
/// Number of logins in a round.
const LOGINS: usize = 5;
/// Time from the start of a job to the first measurement.
const WARM_UP: Duration = Duration::from_millis(500);

/// What runs beside the requests.
#[derive(Clone, Copy)]
enum Job {
    Flush,
    Bulk,
    Export,
}

/// Measures both databases.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("beside-jobs")?;
    let sqlite = Database::Sqlite(directory.join("munjigi.db"));
    let mut rows = measure_on("SQLite", &sqlite, options, &directory)?;
    let cluster = Cluster::start(work_dir)?;
    let postgres = cluster.database();
    // The audit checkpoint is that of one database.
    let directory = work_dir.directory("beside-jobs-postgres")?;
    rows.extend(measure_on("Postgres", &postgres, options, &directory)?);
    Ok(rows)
}

fn measure_on(
    name: &str,
    database: &Database,
    options: &Options,
    directory: &Path,
) -> Result<Vec<Row>> {
    let mut connection = database.migrate()?;
    let users = add_logged_in(&mut connection, 0..CLIENTS)?;
    add_clients(&mut connection, 0..ACCOUNTS)?;
    let secret = log_in(&mut connection)?;
    drop(connection);
    let server = Server::munjigi(database, directory)?;
    let cookie = panel_cookie(server.address, &secret);
    let mut load = Load {
        address: server.address,
        refreshers: Refreshers::new(server.address, &users),
        rate: 0.0,
    };
    load.refreshers.run(&server, options)?;
    load.rate = load.refreshers.run(&server, options)?.rate / 2.0;
    let mut rows = Vec::new();
    for (job, title) in [
        (Job::Flush, "a flush"),
        (Job::Bulk, "a bulk job"),
        (Job::Export, "an export"),
    ] {
        let (mut busy, mut quiet) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for _ in 0..options.rounds {
            prepare(job, database)?;
            let times = load.measure(options)?;
            add(&mut quiet, times);
            let times = std::thread::scope(|scope| {
                let (address, cookie) = (server.address, cookie.as_str());
                let running = scope.spawn(move || match job {
                    Job::Flush => flush(database, directory).map(drop),
                    Job::Bulk => bulk(address, cookie),
                    Job::Export => export(address, cookie),
                });
                std::thread::sleep(WARM_UP);
                let times = load.measure(options)?;
                running.join().map_err(|_| "the job panicked")??;
                Ok::<_, crate::Failure>(times)
            })?;
            add(&mut busy, times);
        }
        let titles = ["p99 of refreshes", "median of logins"];
        for (what, (busy, quiet)) in titles.into_iter().zip(busy.iter().zip(&quiet)) {
            let title = format!("{what} beside {title}, {name}");
            rows.push(Row::ratio(&title, "ms", busy, quiet, Target::AtMost(2.0)));
        }
    }
    Ok(rows)
}

/// Makes the rows that the job works on.
fn prepare(job: Job, database: &Database) -> Result<()> {
    match job {
        Job::Flush => fill(database, MILLION, FIRST_EXPIRY),
        Job::Bulk => {
            diesel::sql_query("UPDATE client_users SET is_active = FALSE")
                .execute(&mut database.connect()?)?;
            Ok(())
        }
        Job::Export => Ok(()),
    }
}

fn add(all: &mut [Vec<f64>; 2], times: [f64; 2]) {
    for (all, time) in all.iter_mut().zip(times) {
        all.push(time);
    }
}

/// The requests that are measured.
struct Load {
    address: SocketAddr,
    refreshers: Refreshers,
    /// Refreshes per second.
    rate: f64,
}

impl Load {
    /// The p99 of refreshes, and the median of logins after them.
    fn measure(&mut self, options: &Options) -> Result<[f64; 2]> {
        let refreshes = self.refreshers.latencies(self.rate, options.duration * 2)?;
        let mut connection = BlockingConnection::open(self.address)?;
        let mut logins = Vec::new();
        for number in 0..LOGINS {
            let start = Instant::now();
            let request = login::request(&email(number), PASSWORD);
            connection.exchange(&request)?.expect(200)?;
            logins.push(start.elapsed());
        }
        Ok([millis(p99(refreshes)), median_millis(&logins)])
    }
}

/// Activates all clients in the panel.
fn bulk(address: SocketAddr, cookie: &str) -> Result<()> {
    let page = exchange(address, cookie, "GET /admin/clients", "")?;
    let token = page
        .split_once("name=\"csrf\" value=\"")
        .and_then(|(_, rest)| rest.split('"').next())
        .ok_or("the page has no form")?;
    // The ids of the clients begin at 1.
    let body = format!(
        "csrf={token}&scope=all&up_to={ACCOUNTS}&number={ACCOUNTS}&action=activate&confirmed=1"
    );
    let answer = exchange(address, cookie, "POST /admin/clients/actions", &body)?;
    if answer.starts_with("HTTP/1.1 303") {
        Ok(())
    } else {
        Err(format!("the job was not started: {answer}").into())
    }
}

/// Exports all clients.
fn export(address: SocketAddr, cookie: &str) -> Result<()> {
    let file = exchange(address, cookie, "GET /admin/clients/export.csv", "")?;
    if file.lines().count() > ACCOUNTS {
        Ok(())
    } else {
        Err("the export is incomplete".into())
    }
}

/// Sends a request of the panel and returns the response with its head.
fn exchange(address: SocketAddr, cookie: &str, request: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}
