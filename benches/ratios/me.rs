//! Throughput of `GET /api/me` with a valid token, compared with a handler that does nothing.

use crate::{
    Result,
    closed_loop::{RepeatedRequest, run_for},
    cluster::Cluster,
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
    let mut rows = vec![compare(
        "me",
        &sqlite,
        options,
        work_dir,
        Target::AtLeast(0.7),
    )?];
    let name = "me on Postgres";
    rows.push(match Cluster::start(work_dir) {
        Ok(cluster) => {
            let database = cluster.database();
            compare(name, &database, options, work_dir, Target::AtLeast(0.7))?
        }
        Err(reason) => Row::without_figure(name, &reason.to_string()),
    });
    Ok(rows)
}

fn compare(
    name: &str,
    database: &Database,
    options: &Options,
    work_dir: &WorkDir,
    target: Target,
) -> Result<Row> {
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
        subject.push(run_for(munjigi.address, clients.clone(), options.duration)?.rate());
        baseline.push(run_for(empty.address, clients.clone(), options.duration)?.rate());
    }
    Ok(Row::ratio(name, "/s", &subject, &baseline, target))
}

/// A request for the own account.
pub fn request_me(user: &LoggedIn) -> RepeatedRequest {
    RepeatedRequest(get("/api/me", Some(&user.access)))
}
