//! Refreshing on Postgres against pgbench, which does the same work as a transaction of separate statements, with as many
//! clients on the same cluster.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;

use crate::{
    Result,
    cluster::Cluster,
    database::add_members,
    options::Options,
    refresh::{CLIENTS, Refreshers},
    server::Server,
    table::{Row, Target},
    workplace::Workplace,
};

/// Sessions for pgbench's clients, of the same users; their ids are the clients' numbers.
const SESSIONS: &str = "
    INSERT INTO sessions (id, user_type, user_seq, method, created_at, last_used_at, expires_at, absolute_expires_at)
    SELECT lpad((id - 1)::text, 32, '0'), 'user', id, 'password', now(), now(), now() + interval '30 days',
           now() + interval '90 days'
    FROM users";

/// A rotation in separate statements. The ids begin with the time and end at random, as munjigi's own do.
const SCRIPT: &str = r"
\set user :client_id + 1
\set old random(1, 9000000000000000000)
\set new random(1, 9000000000000000000)
BEGIN;
SELECT u.email, u.name, u.role, u.is_active, s.ended_at, s.absolute_expires_at
  FROM users u LEFT JOIN sessions s
    ON s.id = lpad(:client_id::text, 32, '0') AND s.user_type = 'user' AND s.user_seq = u.id
 WHERE u.id = :user;
INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at)
VALUES (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || lpad(:old::text, 20, '0'),
        lpad(:client_id::text, 32, '0'), 'user', :user, 'bench', localtimestamp,
        date_trunc('second', localtimestamp) + interval '30 days')
    ON CONFLICT DO NOTHING;
INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at)
VALUES (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || lpad(:new::text, 20, '0'),
        lpad(:client_id::text, 32, '0'), 'user', :user, localtimestamp,
        date_trunc('second', localtimestamp) + interval '30 days');
UPDATE sessions SET last_used_at = localtimestamp,
                    expires_at = date_trunc('second', localtimestamp) + interval '30 days'
 WHERE id = lpad(:client_id::text, 32, '0');
COMMIT;
";

/// 32 clients against pgbench's 32.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("refresh-postgres")?;
    let cluster = Cluster::start(workplace)?;
    let database = cluster.database();
    let mut connection = database.migrate()?;
    let members = add_members(&mut connection, 0..CLIENTS)?;
    connection.batch_execute(SESSIONS)?;
    drop(connection);
    let script: PathBuf = directory.join("refresh.sql");
    std::fs::write(&script, SCRIPT)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut refreshers = Refreshers::new(munjigi.address, &members);
    refreshers.take_turn(options)?;
    cluster.pgbench(&script, CLIENTS, 1)?;
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        subject.push(refreshers.take_turn(options)?);
        baseline.push(cluster.pgbench(&script, CLIENTS, options.seconds())?);
    }
    refreshers.check(&database)?;
    Ok(vec![Row::ratio(
        "refresh-postgres",
        "/s",
        &subject,
        &baseline,
        Target::AtLeast(1.0),
    )])
}
