//! Throughput of `GET /api/me` with a valid token, compared with a handler that does nothing.

use crate::{
    Result,
    closed_loop::{RepeatedRequest, run_for},
    cluster::Cluster,
    cpu::{self, Sample},
    database::{Database, LoggedIn, add_logged_in},
    http::get,
    options::Options,
    server::Server,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Number of connections.
pub const CONNECTIONS: usize = 32;

/// Measures with both databases, although the request does not read the database.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("me")?;
    let sqlite = Database::Sqlite(directory.join("munjigi.db"));
    let mut rows = compare("GET /api/me on SQLite", &sqlite, options, work_dir)?;
    let name = "GET /api/me on Postgres";
    match Cluster::start(work_dir) {
        Ok(cluster) => rows.extend(compare(name, &cluster.database(), options, work_dir)?),
        Err(reason) => rows.push(Row::without_figure(name, &reason.to_string())),
    }
    Ok(rows)
}

fn compare(
    name: &str,
    database: &Database,
    options: &Options,
    work_dir: &WorkDir,
) -> Result<Vec<Row>> {
    let logged_in = add_logged_in(&mut database.migrate()?, 0..CONNECTIONS)?;
    let directory = work_dir.directory("me")?;
    let munjigi = Server::munjigi(database, &directory)?;
    let empty = Server::empty()?;
    let clients: Vec<RepeatedRequest> = logged_in.iter().map(request_me).collect();
    for server in [&munjigi, &empty] {
        run_for(server.address, clients.clone(), options.duration / 4)?;
    }
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        subject.push(Sample::of(&munjigi, clients.clone(), options.duration)?);
        baseline.push(Sample::of(&empty, clients.clone(), options.duration)?);
    }
    let (rate, cpu_time) = (Target::AtLeast(0.75), Target::AtMost(1.7));
    Ok(cpu::rows(name, &subject, &baseline, rate, cpu_time))
}

/// A request for the own account.
pub fn request_me(user: &LoggedIn) -> RepeatedRequest {
    RepeatedRequest(get("/api/me", Some(&user.access)))
}
