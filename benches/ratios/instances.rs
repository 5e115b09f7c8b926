//! One, two and four instances on one Postgres, each against one instance in the same run: rates over all instances, CPU
//! time of the instances for each request, time until a logout is known to all other instances, and connections of Postgres.
//! The number of client connections is the same for each number of instances.
//!
//! Load generator, Postgres and instances share the cores of one machine, so the rates show what an instance costs,
//! not what a machine more for it gains.

use std::time::{Duration, Instant};

use crate::{
    Result,
    closed_loop::{Client, RepeatedRequest, Run, run_for},
    cluster::Cluster,
    database::{Database, LoggedIn, add_logged_in},
    http::{BlockingConnection, get, post},
    me::request_me,
    options::Options,
    refresh::{Refresher, check_rotated},
    server::Server,
    statistics::{millis, p99},
    table::{Row, Target},
    work_dir::WorkDir,
};

/// The numbers of instances. The first is the baseline.
const NUMBERS: [usize; 3] = [1, 2, 4];
/// Client connections over all instances.
const CONNECTIONS: usize = 32;
/// Threads of the load generator, each with as many connections, and all of these to one instance.
const THREADS: usize = 4;
/// Logouts in each round.
const LOGOUTS: usize = 100;
/// The longest wait for a logout to become known.
const LIMIT: Duration = Duration::from_secs(5);
/// Connections of Postgres to this database, except the one that asks.
const COUNT_CONNECTIONS: &str = "SELECT count(*) AS count FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// The figures of a number of instances, one value for each round.
#[derive(Default)]
struct Figures {
    me: Vec<f64>,
    me_cpu: Vec<f64>,
    refresh: Vec<f64>,
    refresh_cpu: Vec<f64>,
    propagation: Vec<f64>,
    connections: Vec<f64>,
}

/// The clients of a number of instances. They keep their tokens over the rounds, in which other processes answer.
struct Clients {
    users: Vec<LoggedIn>,
    refreshers: Vec<Vec<Refresher>>,
}

/// The result of a load on all instances.
struct Load<C> {
    responses: u32,
    /// Responses per second.
    rate: f64,
    /// Microseconds of CPU time of the instances for each response.
    cpu: f64,
    clients: Vec<Vec<C>>,
}

/// Measures each number of instances in turn, with new processes in each round.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let cluster = Cluster::start(work_dir)?;
    let database = cluster.database();
    let mut connection = database.migrate()?;
    let mut number = 0;
    let mut add = |count: usize| {
        number += count;
        add_logged_in(&mut connection, number - count..number)
    };
    let (mut clients, mut figures) = (Vec::new(), Vec::new());
    for _ in NUMBERS {
        let users = add(CONNECTIONS)?;
        let of_thread = users.chunks(CONNECTIONS / THREADS);
        let refreshers = of_thread.map(|users| users.iter().map(Refresher::new).collect());
        let refreshers = refreshers.collect();
        clients.push(Clients { users, refreshers });
        figures.push(Figures::default());
    }
    let mut acknowledged = 0;
    for _ in 0..options.rounds {
        for (instances, (clients, figures)) in NUMBERS
            .into_iter()
            .zip(clients.iter_mut().zip(&mut figures))
        {
            let servers = start(instances, &database, work_dir)?;
            acknowledged += rates(&servers, clients, figures, options)?;
            let users = add(LOGOUTS)?;
            let times: Result<Vec<_>> = users.iter().map(|user| log_out(user, &servers)).collect();
            figures.propagation.push(millis(p99(times?)));
            let connections = u32::try_from(database.count(COUNT_CONNECTIONS)?)?;
            // One is that of `add`.
            figures.connections.push(f64::from(connections) - 1.0);
        }
    }
    check_rotated(&database, acknowledged)?;
    Ok(rows(&figures))
}

/// Starts the instances, one after the other.
fn start(instances: usize, database: &Database, work_dir: &WorkDir) -> Result<Vec<Server>> {
    (0..instances)
        .map(|instance| {
            let directory = work_dir.directory(&format!("instance-{instance}"))?;
            Server::munjigi(database, &directory)
        })
        .collect()
}

/// Measures both rates, after some requests that fill the caches. Returns the number of refreshes.
fn rates(
    servers: &[Server],
    clients: &mut Clients,
    figures: &mut Figures,
    options: &Options,
) -> Result<i64> {
    let of_thread = clients.users.chunks(CONNECTIONS / THREADS);
    let requests: Vec<Vec<RepeatedRequest>> = of_thread
        .map(|users| users.iter().map(request_me).collect())
        .collect();
    let warm = load(servers, requests, options.duration / 4)?;
    let me = load(servers, warm.clients, options.duration)?;
    figures.me.push(me.rate);
    figures.me_cpu.push(me.cpu);
    let refreshers = std::mem::take(&mut clients.refreshers);
    let warm = load(servers, refreshers, options.duration / 4)?;
    let refresh = load(servers, warm.clients, options.duration)?;
    figures.refresh.push(refresh.rate);
    figures.refresh_cpu.push(refresh.cpu);
    clients.refreshers = refresh.clients;
    Ok(i64::from(warm.responses) + i64::from(refresh.responses))
}

/// Runs the clients of each thread for this time, all at once.
fn load<C: Client>(
    servers: &[Server],
    clients: Vec<Vec<C>>,
    duration: Duration,
) -> Result<Load<C>> {
    let cpu_time = || {
        servers
            .iter()
            .map(Server::cpu_time)
            .sum::<Result<Duration>>()
    };
    let before = cpu_time()?;
    let runs = std::thread::scope(|scope| {
        let threads: Vec<_> = (servers.iter().cycle())
            .zip(clients)
            .map(|(server, clients)| scope.spawn(|| run_for(server.address, clients, duration)))
            .collect();
        let runs = threads.into_iter().map(|thread| match thread.join() {
            Ok(run) => run,
            Err(_) => Err("a load thread panicked".into()),
        });
        runs.collect::<Result<Vec<_>>>()
    })?;
    let used = cpu_time()?.saturating_sub(before);
    let responses = runs.iter().map(|run| run.responses).sum();
    Ok(Load {
        responses,
        rate: runs.iter().map(Run::rate).sum(),
        cpu: used.as_secs_f64() * 1e6 / f64::from(responses),
        clients: runs.into_iter().map(|run| run.clients).collect(),
    })
}

/// Logs out on the first instance. Returns the time from the response until every other instance has refused the access
/// token, or that one if it is the only one.
fn log_out(user: &LoggedIn, servers: &[Server]) -> Result<Duration> {
    let open = |server: &Server| BlockingConnection::open(server.address);
    let me = get("/api/me", Some(&user.access));
    let mut here = open(&servers[0])?;
    let mut others: Vec<_> = match servers {
        [only] => vec![open(only)?],
        [_, others @ ..] => others.iter().map(open).collect::<Result<_>>()?,
        [] => return Err("there is no instance".into()),
    };
    for other in &mut others {
        other.exchange(&me)?.expect(200)?;
    }
    let body = format!("{{\"refresh\": \"{}\"}}", user.refresh);
    let text = String::from_utf8(post("/auth/logout", &body))?;
    let bearer = format!("\r\nAuthorization: Bearer {}\r\nContent-Type", user.access);
    let logout = text.replacen("\r\nContent-Type", &bearer, 1);
    here.exchange(logout.as_bytes())?.expect(200)?;
    let logged_out = Instant::now();
    while !others.is_empty() {
        let mut accepting = Vec::new();
        for mut other in others {
            if other.exchange(&me)?.status == 200 {
                accepting.push(other);
            }
        }
        others = accepting;
        if logged_out.elapsed() > LIMIT {
            return Err("another instance still accepts the token".into());
        }
    }
    Ok(logged_out.elapsed())
}

/// A row for each figure and number of instances after the first, which is the baseline of all.
fn rows(figures: &[Figures]) -> Vec<Row> {
    let [one, several @ ..] = figures else {
        return Vec::new();
    };
    let several: Vec<_> = NUMBERS[1..].iter().zip(several).collect();
    let row = |name: &str, unit: &str, of: fn(&Figures) -> &[f64]| {
        let rows = several.iter().map(|(instances, figures)| {
            let name = format!("{instances} instances: {name}");
            Row::ratio(&name, unit, of(figures), of(one), Target::None)
        });
        rows.collect::<Vec<_>>()
    };
    [
        row("me", "/s", |figures| &figures.me),
        row("CPU time of the instances for a me", "µs", |figures| {
            &figures.me_cpu
        }),
        row("refresh", "/s", |figures| &figures.refresh),
        row("CPU time of the instances for a refresh", "µs", |figures| {
            &figures.refresh_cpu
        }),
        row("p99 from a logout to its last rejection", "ms", |figures| {
            &figures.propagation
        }),
        row("connections of Postgres", "", |figures| {
            &figures.connections
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}
