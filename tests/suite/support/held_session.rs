//! Sessions of a signing key, one of which cannot be ended for now, so that a job does not end before the test lets it.

use diesel::connection::SimpleConnection;
use munjigi::store::{Db, Target};

/// Many sessions, and a connection that keeps the last one from being ended.
pub struct HeldSession(Db);

/// The SQL that inserts this many sessions with a refresh token of a key.
pub fn sessions_of(kid: &str, number: usize) -> String {
    let row = |number| {
        format!(
            "('{number:032x}', 'client', {number}, 'password', '2026-02-01 00:00:00', '2026-02-01 00:00:00', \
             '2036-02-01 00:00:00', '2036-02-01 00:00:00', '{kid}')"
        )
    };
    let rows: Vec<String> = (1..=number).map(row).collect();
    format!(
        "INSERT INTO sessions (id, user_type, user_seq, method, created_at, last_used_at, expires_at, absolute_expires_at, kid) \
         VALUES {}",
        rows.join(", ")
    )
}

impl HeldSession {
    /// Inserts this many sessions of a key. On Postgres the update of the last one waits; on SQLite it fails.
    pub fn last_of(target: &Target, kid: &str, number: usize) -> Self {
        let mut connection = target.connect().unwrap();
        let last = format!("{number:032x}");
        let hold = match connection {
            Db::Postgres(_) => {
                format!("BEGIN; SELECT id FROM sessions WHERE id = '{last}' FOR UPDATE")
            }
            Db::Sqlite(_) => format!(
                "CREATE TRIGGER held BEFORE UPDATE ON sessions WHEN OLD.id = '{last}' \
                 BEGIN SELECT RAISE(ABORT, 'held'); END"
            ),
        };
        connection.batch_execute(&sessions_of(kid, number)).unwrap();
        connection.batch_execute(&hold).unwrap();
        Self(connection)
    }

    /// From now on the session can be ended.
    pub fn release(mut self) {
        let release = match self.0 {
            Db::Postgres(_) => "ROLLBACK",
            Db::Sqlite(_) => "DROP TRIGGER held",
        };
        self.0.batch_execute(release).unwrap();
    }
}
