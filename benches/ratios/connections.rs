//! Throughput of `GET /api/me` on 32 connections while 968 others are open, compared with the same without them.

use std::net::TcpStream;

use crate::{
    Result,
    closed_loop::run_for,
    cpu::{self, Sample},
    database::{Database, add_logged_in},
    http::BlockingConnection,
    me::{CONNECTIONS, request_me},
    options::Options,
    server::Server,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Open connections in all.
const OPEN: usize = 1_000;

/// Compares one server with and without idle connections. Each of them has had a request.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("connections")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let logged_in = add_logged_in(&mut database.migrate()?, 0..CONNECTIONS)?;
    // Longer than a round, so that the connections stay open.
    let settings = [("MUNJIGI_SERVER__KEEP_ALIVE", "1h")];
    let munjigi = Server::munjigi_with(&database, &directory, &settings)?;
    let clients: Vec<_> = logged_in.iter().map(request_me).collect();
    run_for(munjigi.address, clients.clone(), options.duration / 4)?;
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let idle = (CONNECTIONS..OPEN).map(|number| {
            let request = &clients[number % CONNECTIONS].0;
            BlockingConnection::once(munjigi.address, request)
        });
        let idle: Vec<TcpStream> = idle.collect::<Result<_>>()?;
        subject.push(Sample::of(&munjigi, clients.clone(), options.duration)?);
        drop(idle);
        baseline.push(Sample::of(&munjigi, clients.clone(), options.duration)?);
    }
    let (rate, cpu_time) = (Target::AtLeast(0.95), Target::None);
    Ok(cpu::rows(
        "GET /api/me, with 968 idle connections",
        &subject,
        &baseline,
        rate,
        cpu_time,
    ))
}
