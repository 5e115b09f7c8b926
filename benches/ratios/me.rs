//! `GET /api/me` with a valid token against the empty handler: what a call costs that has to know who calls.

use crate::{
    Result,
    cluster::Cluster,
    database::{Database, Member, add_members},
    exchange::get,
    load::{Same, run_for},
    options::Options,
    server::Server,
    table::{Row, Target},
    workplace::Workplace,
};

/// How many connections ask.
pub const CONNECTIONS: usize = 32;

/// On both databases, neither of which is asked.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("me")?;
    let sqlite = Database::Sqlite(directory.join("munjigi.db"));
    let mut rows = vec![compare(
        "me",
        &sqlite,
        options,
        workplace,
        Target::AtLeast(0.7),
    )?];
    let name = "me on Postgres";
    rows.push(match Cluster::start(workplace) {
        Ok(cluster) => {
            let database = cluster.database();
            compare(name, &database, options, workplace, Target::AtLeast(0.7))?
        }
        Err(reason) => Row::without_figure(name, &reason.to_string()),
    });
    Ok(rows)
}

fn compare(
    name: &str,
    database: &Database,
    options: &Options,
    workplace: &Workplace,
    target: Target,
) -> Result<Row> {
    let members = add_members(&mut database.migrate()?, 0..CONNECTIONS)?;
    let directory = workplace.directory("me")?;
    let munjigi = Server::munjigi(database, &directory)?;
    let empty = Server::empty()?;
    let clients: Vec<Same> = members.iter().map(asks_who_he_is).collect();
    for server in [&munjigi, &empty] {
        run_for(server.address, clients.clone(), options.turn / 4)?;
    }
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        subject.push(run_for(munjigi.address, clients.clone(), options.turn)?.rate());
        baseline.push(run_for(empty.address, clients.clone(), options.turn)?.rate());
    }
    Ok(Row::ratio(name, "/s", &subject, &baseline, target))
}

fn asks_who_he_is(member: &Member) -> Same {
    Same(get("/api/me", Some(&member.access)))
}
