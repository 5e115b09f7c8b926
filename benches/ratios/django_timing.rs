//! Whether response times reveal which accounts have a password hash of Django: rejected logins of accounts with each of its
//! formats, as Django 5.2 makes them, and of unknown accounts, against those of accounts with munjigi's own.

use std::ops::Range;

use diesel::RunQueryDsl;

use crate::{
    Result,
    database::{Database, add_users, email},
    http::BlockingConnection,
    login,
    options::Options,
    refused_timing::times,
    server::Server,
    statistics::median_millis,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Requests of each kind per round.
const LOGINS_PER_ROUND: usize = 4;
/// The ratios that are within the target.
const TARGET: Range<f64> = 0.8..1.25;
/// Hashes with the parameters that are the default of Django 5.2.
const HASHES: [(&str, &str); 7] = [
    (
        "pbkdf2_sha256",
        "pbkdf2_sha256$1000000$IpdstRwRFP9yk9dFFyY12K$EuG5++tu7lR2E8JcXd4eCoQfZ41fQqCdpWLIrOADqC4=",
    ),
    (
        "pbkdf2_sha1",
        "pbkdf2_sha1$1000000$seasalt$9ESBsLskq7n9zkEjramHOf6My1s=",
    ),
    (
        "argon2",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$TTYxNm01VXcxMFV6eVcySmlyQU5hMQ$Mvn5KjYzS06U+BkRrjDtzrFH/7oMbKgBOsmcfbsWEhA",
    ),
    (
        "bcrypt_sha256",
        "bcrypt_sha256$$2b$12$Kycg8SUrOt6YV7BA0fZ/MOpfa5qZHC5bWTfgi5DkPr8xw7aOdt7WW",
    ),
    (
        "bcrypt",
        "bcrypt$$2b$12$gIhKvqLHCGYfBhM/OzoBdO8gPl0cKx0JFQi4XyuYQgg8ts1ODJ0dC",
    ),
    (
        "scrypt",
        "scrypt$16384$43etUql5BLTO3Xec8wfOMv$8$5$y10bWRjugGTJ9TwT/Od/5R5DUoPL4EtBfFmXBBQ9cRvopaSREwLpQuJnp0L1XZBPl10CqQMvaEy/Gb/MBn7RFQ==",
    ),
    ("md5", "md5$seasalt$0792274e7ac64bd0b2ed80014710df73"),
];
const WRONG: &str = "a wrong password";

/// Compares the medians.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let logins = usize::try_from(options.rounds)? * LOGINS_PER_ROUND;
    let directory = work_dir.directory("django")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let mut connection = database.migrate()?;
    // The first accounts have a hash of munjigi; the last ones do not exist. Each is tried once: failures delay the next try.
    add_users(&mut connection, 0..logins * (1 + HASHES.len()), true)?;
    for (kind, (_, hash)) in HASHES.iter().enumerate() {
        let (first, last) = (logins * (1 + kind), logins * (2 + kind) - 1);
        let statement = format!(
            "UPDATE users SET password_hash = '{hash}' WHERE email BETWEEN '{}' AND '{}'",
            email(first),
            email(last)
        );
        diesel::sql_query(statement).execute(&mut connection)?;
    }
    // Of a database without imported accounts the server expects no hashes of Django at its start.
    let imported = "INSERT INTO imported_accounts (user_type, user_seq, source, fields, imported_at) \
        VALUES ('user', 1, 'django:bench', '{}', '2026-01-01 00:00:00')";
    diesel::sql_query(imported).execute(&mut connection)?;
    drop(connection);
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut connection = BlockingConnection::open(munjigi.address)?;
    let [own, rest @ ..] = times::<{ HASHES.len() + 2 }>(&mut connection, logins, 401, |index| {
        std::array::from_fn(|kind| login::request(&email(logins * kind + index), WRONG))
    })?;
    let names = HASHES.map(|(name, _)| name).into_iter().chain(["unknown"]);
    let baseline = median_millis(&own);
    Ok(names
        .zip(rest)
        .map(|(name, subject)| {
            let subject = median_millis(&subject);
            let name = format!("rejected login, {name}/own hash");
            Row::ratio(&name, "ms", &[subject], &[baseline], Target::None)
                .with_target("0.80 to 1.25", TARGET.contains(&(subject / baseline)))
        })
        .collect())
}
