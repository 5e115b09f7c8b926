//! Throughput of refreshes on Postgres, compared with pgbench doing the same work as one prepared statement and as separate
//! statements in a transaction, with the same number of clients on the same cluster.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;

use crate::{
    Result,
    cluster::Cluster,
    database::add_logged_in,
    options::Options,
    refresh::{NUMBERS_OF_CLIENTS, Refreshers, check_rotated},
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

/// The same as one statement.
const ONE_STATEMENT: &str = r"
\set user :client_id + 1
\set old random(1, 9000000000000000000)
\set new random(1, 9000000000000000000)
WITH account AS (SELECT email, name, role, is_active FROM users WHERE id = :user),
live AS (UPDATE sessions SET last_used_at = localtimestamp,
                             expires_at = date_trunc('second', localtimestamp) + interval '30 days'
          WHERE id = lpad(:client_id::text, 32, '0') AND ended_at IS NULL AND absolute_expires_at > localtimestamp
            AND EXISTS (SELECT 1 FROM account WHERE is_active)
      RETURNING id, user_type, user_seq, expires_at),
old AS (INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at)
        SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || lpad(:old::text, 20, '0'),
               id, user_type, user_seq, 'bench', localtimestamp, expires_at
          FROM live ON CONFLICT DO NOTHING RETURNING jti),
new AS (INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at)
        SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || lpad(:new::text, 20, '0'),
               id, user_type, user_seq, localtimestamp, expires_at
          FROM live, old)
SELECT * FROM account;
";

/// Compares munjigi with pgbench.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("refresh-postgres")?;
    let cluster = Cluster::start(work_dir)?;
    let database = cluster.database();
    let mut connection = database.migrate()?;
    let users = add_logged_in(&mut connection, 0..NUMBERS_OF_CLIENTS.iter().sum())?;
    connection.batch_execute(SESSIONS)?;
    drop(connection);
    let scripts: [PathBuf; 2] = [directory.join("one.sql"), directory.join("separate.sql")];
    std::fs::write(&scripts[0], ONE_STATEMENT)?;
    std::fs::write(&scripts[1], SCRIPT)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut rows = Vec::new();
    let (mut acknowledged, mut users) = (0, users.as_slice());
    for (clients, least) in NUMBERS_OF_CLIENTS.into_iter().zip([1.2, 1.5]) {
        let (these, others) = users.split_at(clients);
        users = others;
        let mut refreshers = Refreshers::new(munjigi.address, these);
        refreshers.run(&munjigi, options)?;
        let (mut subject, mut micros) = (Vec::new(), Vec::new());
        let mut baselines = [Vec::new(), Vec::new()];
        for _ in 0..options.rounds {
            let sample = refreshers.run(&munjigi, options)?;
            subject.push(sample.rate);
            micros.push(sample.micros);
            for (script, rates) in scripts.iter().zip(&mut baselines) {
                rates.push(cluster.pgbench(script, clients, options.seconds())?);
            }
        }
        acknowledged += refreshers.acknowledged;
        for (name, baseline, target) in [
            ("one statement", &baselines[0], Target::AtLeast(least)),
            ("separate statements", &baselines[1], Target::None),
        ] {
            let title = format!("refresh on Postgres, {clients} clients, against {name}");
            rows.push(Row::ratio(&title, "/s", &subject, baseline, target));
        }
        // pgbench is a client: Postgres does its work.
        rows.push(Row::ratio(
            "… CPU time of munjigi for a refresh",
            "µs",
            &micros,
            &micros,
            Target::None,
        ));
    }
    check_rotated(&database, acknowledged)?;
    Ok(rows)
}
