//! Time from a logout response of one instance to the rejection of the access token by another instance on the same
//! Postgres database, compared with the time of the logout.

use std::time::{Duration, Instant};

use crate::{
    Result,
    cluster::Cluster,
    database::{LoggedIn, add_logged_in},
    http::{BlockingConnection, get, post},
    options::Options,
    server::Server,
    statistics::{millis, p99},
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Sessions per round.
const SESSIONS: usize = 100;
/// Target of the p99.
const LIMIT: Duration = Duration::from_millis(250);

/// Measures the p99 of each round.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let cluster = Cluster::start(work_dir)?;
    let database = cluster.database();
    let mut connection = database.migrate()?;
    let directory = work_dir.directory("propagation")?;
    let (one, two) = (
        Server::munjigi(&database, &directory)?,
        Server::munjigi(&database, &directory)?,
    );
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    let mut slowest = Duration::ZERO;
    for round in 0..options.rounds as usize {
        let users = add_logged_in(&mut connection, round * SESSIONS..(round + 1) * SESSIONS)?;
        let mut times = Vec::new();
        for user in &users {
            times.push(log_out(user, &one, &two)?);
        }
        let (logouts, rejections): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        let worst = p99(rejections);
        slowest = slowest.max(worst);
        subject.push(millis(worst));
        baseline.push(millis(p99(logouts)));
    }
    let name = "p99 from a logout to the rejection by another instance";
    let row = Row::ratio(name, "ms", &subject, &baseline, Target::None);
    Ok(vec![row.with_target("< 250 ms", slowest < LIMIT)])
}

/// The time of the logout on `here`, and the time from its response to the first rejection by `there`.
fn log_out(user: &LoggedIn, here: &Server, there: &Server) -> Result<(Duration, Duration)> {
    let (mut here, mut there) = (
        BlockingConnection::open(here.address)?,
        BlockingConnection::open(there.address)?,
    );
    let me = get("/api/me", Some(&user.access));
    there.exchange(&me)?.expect(200)?;
    let body = format!("{{\"refresh\": \"{}\"}}", user.refresh);
    let text = String::from_utf8(post("/auth/logout", &body))?;
    let bearer = format!("\r\nAuthorization: Bearer {}\r\nContent-Type", user.access);
    let logout = text.replacen("\r\nContent-Type", &bearer, 1);
    let start = Instant::now();
    here.exchange(logout.as_bytes())?.expect(200)?;
    let logged_out = Instant::now();
    while there.exchange(&me)?.status == 200 {
        if logged_out.elapsed() > 20 * LIMIT {
            return Err("the other instance still accepts the token".into());
        }
    }
    Ok((logged_out - start, logged_out.elapsed()))
}
