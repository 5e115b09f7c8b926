//! Throughput of refreshes on Postgres, compared with pgbench running the same work as separate statements in a
//! transaction, with the same number of clients on the same cluster.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;

use crate::{
    Result,
    cluster::Cluster,
    database::add_logged_in,
    options::Options,
    refresh::{CLIENTS, Refreshers},
    server::Server,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Sessions for the pgbench clients. Their ids are the numbers of the clients.
const SESSIONS: &str = "
    INSERT INTO sessions (id, user_type, user_seq, method, created_at, last_used_at, expires_at, absolute_expires_at)
    SELECT lpad((id - 1)::text, 32, '0'), 'user', id, 'password', now(), now(), now() + interval '30 days',
           now() + interval '90 days'
    FROM users";

/// A rotation as separate statements. As in munjigi, ids start with the time and end with random digits.
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

/// Compares munjigi with pgbench.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("refresh-postgres")?;
    let cluster = Cluster::start(work_dir)?;
    let database = cluster.database();
    let mut connection = database.migrate()?;
    let users = add_logged_in(&mut connection, 0..CLIENTS)?;
    connection.batch_execute(SESSIONS)?;
    drop(connection);
    let script: PathBuf = directory.join("refresh.sql");
    std::fs::write(&script, SCRIPT)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut refreshers = Refreshers::new(munjigi.address, &users);
    refreshers.run(options)?;
    cluster.pgbench(&script, CLIENTS, 1)?;
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        subject.push(refreshers.run(options)?);
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
