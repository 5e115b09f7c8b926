//! Whether response times reveal which accounts exist: rejected logins of existing and unknown accounts, and code requests
//! of existing and unknown clients.

use std::time::{Duration, Instant};

use crate::{
    Result,
    database::{Database, add_clients, add_users, email, username},
    http::{BlockingConnection, post},
    login,
    options::Options,
    server::Server,
    statistics::median_millis,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Requests of each kind per round. More requests detect smaller differences.
const LOGINS_PER_ROUND: usize = 12;
/// Requests for codes per round; they are faster than logins.
const CODES_PER_ROUND: usize = 200;
/// Target of the relative difference between medians.
const TOLERANCE: f64 = 0.03;
const WRONG: &str = "a wrong password";

/// Compares the medians.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let rounds = usize::try_from(options.rounds)?;
    let (logins, codes) = (rounds * LOGINS_PER_ROUND, rounds * CODES_PER_ROUND);
    let directory = work_dir.directory("refused")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let mut connection = database.migrate()?;
    add_users(&mut connection, 0..logins, true)?;
    add_users(&mut connection, logins..2 * logins, false)?;
    // Every other name exists, so that both kinds use the same index pages.
    add_clients(&mut connection, (0..2 * codes).step_by(2))?;
    drop(connection);
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut connection = BlockingConnection::open(munjigi.address)?;

    let login = |number| login::request(&email(number), WRONG);
    let [known, inactive, unknown] = times(&mut connection, logins, 401, |index| {
        [
            login(index),
            login(logins + index),
            login(2 * logins + index),
        ]
    })?;
    let code = |number| {
        post(
            "/clients/otp/request",
            &format!("{{\"username\":\"{}\"}}", username(number)),
        )
    };
    let [existing, missing] = times(&mut connection, codes, 200, |index| {
        [code(2 * index), code(2 * index + 1)]
    })?;
    Ok(vec![
        row("rejected login, unknown/known", &unknown, &known),
        row("rejected login, inactive/known", &inactive, &known),
        row("code request, unknown/known", &missing, &existing),
    ])
}

/// Measures several kinds of requests alternately. The order changes each time, so that no kind profits from caches
/// filled by another.
pub fn times<const KINDS: usize>(
    connection: &mut BlockingConnection,
    count: usize,
    expected: u16,
    requests: impl Fn(usize) -> [Vec<u8>; KINDS],
) -> Result<[Vec<Duration>; KINDS]> {
    let mut times = [const { Vec::new() }; KINDS];
    for index in 0..count {
        let requests = requests(index);
        for kind in (0..KINDS).map(|kind| (kind + index) % KINDS) {
            let start = Instant::now();
            connection.exchange(&requests[kind])?.expect(expected)?;
            times[kind].push(start.elapsed());
        }
    }
    Ok(times)
}

fn row(name: &str, subject: &[Duration], baseline: &[Duration]) -> Row {
    let (subject, baseline) = (median_millis(subject), median_millis(baseline));
    let within = (subject / baseline - 1.0).abs() <= TOLERANCE;
    Row::ratio(name, "ms", &[subject], &[baseline], Target::None).with_target("within 3 %", within)
}
