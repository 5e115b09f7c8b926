//! From the answer of a log-out on one instance to the refusal of its access token by another, on one Postgres; against
//! the log-out itself.

use std::time::{Duration, Instant};

use crate::{
    Result,
    cluster::Cluster,
    database::{Member, add_members},
    exchange::{Caller, get, post},
    options::Options,
    server::Server,
    statistics::{millis, p99},
    table::{Row, Target},
    workplace::Workplace,
};

/// How many sessions are ended in a round.
const SESSIONS: usize = 100;
/// What 99 of 100 must not exceed.
const LIMIT: Duration = Duration::from_millis(250);

/// The p99 of each round.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let cluster = Cluster::start(workplace)?;
    let database = cluster.database();
    let mut connection = database.migrate()?;
    let directory = workplace.directory("propagation")?;
    let (one, two) = (
        Server::munjigi(&database, &directory)?,
        Server::munjigi(&database, &directory)?,
    );
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    let mut slowest = Duration::ZERO;
    for round in 0..options.rounds as usize {
        let members = add_members(&mut connection, round * SESSIONS..(round + 1) * SESSIONS)?;
        let mut times = Vec::new();
        for member in &members {
            times.push(ended(member, &one, &two)?);
        }
        let (log_outs, refusals): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        let worst = p99(refusals);
        slowest = slowest.max(worst);
        subject.push(millis(worst));
        baseline.push(millis(p99(log_outs)));
    }
    let name = "p99 from a log-out to its refusal by another instance";
    let row = Row::ratio(name, "ms", &subject, &baseline, Target::None);
    Ok(vec![row.with_target("< 250 ms", slowest < LIMIT)])
}

/// How long the log-out took here, and from its answer to the first refusal there.
fn ended(member: &Member, here: &Server, there: &Server) -> Result<(Duration, Duration)> {
    let (mut here, mut there) = (Caller::open(here.address)?, Caller::open(there.address)?);
    let asks = get("/api/me", Some(&member.access));
    there.exchange(&asks)?.expect(200)?;
    let body = format!("{{\"refresh\": \"{}\"}}", member.refresh);
    let text = String::from_utf8(post("/auth/logout", &body))?;
    let bearer = format!(
        "\r\nAuthorization: Bearer {}\r\nContent-Type",
        member.access
    );
    let log_out = text.replacen("\r\nContent-Type", &bearer, 1);
    let begun = Instant::now();
    here.exchange(log_out.as_bytes())?.expect(200)?;
    let answered = Instant::now();
    while there.exchange(&asks)?.status == 200 {
        if answered.elapsed() > 20 * LIMIT {
            return Err("the other instance does not hear of it".into());
        }
    }
    Ok((answered - begun, answered.elapsed()))
}
