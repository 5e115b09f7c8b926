//! Throughput of `GET /auth/forward` with a condition, compared with `GET /api/me` of the same server: both check the same
//! tokens.

use crate::{
    Result,
    closed_loop::{RepeatedRequest, run_for},
    cpu::{self, Sample},
    database::{Database, LoggedIn, add_logged_in},
    http::get,
    me::{CONNECTIONS, request_me},
    options::Options,
    server::Server,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Measures on SQLite: neither request reads the database.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("forward")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let logged_in = add_logged_in(&mut database.migrate()?, 0..CONNECTIONS)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let forward: Vec<RepeatedRequest> = logged_in.iter().map(request_forward).collect();
    let me: Vec<RepeatedRequest> = logged_in.iter().map(request_me).collect();
    for clients in [&forward, &me] {
        run_for(munjigi.address, clients.clone(), options.duration / 4)?;
    }
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        subject.push(Sample::of(&munjigi, forward.clone(), options.duration)?);
        baseline.push(Sample::of(&munjigi, me.clone(), options.duration)?);
    }
    let (rate, cpu_time) = (Target::AtLeast(0.9), Target::None);
    Ok(cpu::rows(
        "forward, to me",
        &subject,
        &baseline,
        rate,
        cpu_time,
    ))
}

fn request_forward(user: &LoggedIn) -> RepeatedRequest {
    RepeatedRequest(get("/auth/forward?user_type=user", Some(&user.access)))
}
