//! Whether the time of an answer tells who exists: refused logins of a known account against those of an unknown one,
//! and codes asked for by a client that exists against one that does not.

use std::time::{Duration, Instant};

use crate::{
    Result,
    database::{Database, add_clients, add_users, email, username},
    exchange::{Caller, post},
    login,
    options::Options,
    server::Server,
    statistics::median_millis,
    table::{Row, Target},
    workplace::Workplace,
};

/// How often each is asked, one by one; more tells smaller differences apart.
const LOGINS_PER_ROUND: usize = 12;
/// The same for codes, which are quick.
const CODES_PER_ROUND: usize = 200;
/// How far the medians may be apart.
const TOLERANCE: f64 = 0.03;
const WRONG: &str = "a wrong password";

/// Medians of what is asked in turn.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let rounds = usize::try_from(options.rounds)?;
    let (logins, codes) = (rounds * LOGINS_PER_ROUND, rounds * CODES_PER_ROUND);
    let directory = workplace.directory("refused")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let mut connection = database.migrate()?;
    add_users(&mut connection, 0..logins, true)?;
    add_users(&mut connection, logins..2 * logins, false)?;
    // Every other name exists, so that both kinds come to the same places of the indexes.
    add_clients(&mut connection, (0..2 * codes).step_by(2))?;
    drop(connection);
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut caller = Caller::open(munjigi.address)?;

    let refused = |number| login::request(&email(number), WRONG);
    let [known, inactive, unknown] = times(&mut caller, logins, 401, |turn| {
        [
            refused(turn),
            refused(logins + turn),
            refused(2 * logins + turn),
        ]
    })?;
    let code = |number| {
        post(
            "/clients/otp/request",
            &format!("{{\"username\":\"{}\"}}", username(number)),
        )
    };
    let [somebody, nobody] = times(&mut caller, codes, 200, |turn| {
        [code(2 * turn), code(2 * turn + 1)]
    })?;
    Ok(vec![
        row("refused login, unknown/known", &unknown, &known),
        row("refused login, inactive/known", &inactive, &known),
        row("code asked for, unknown/known", &nobody, &somebody),
    ])
}

/// Times of several kinds of request that take turns. Which kind is first changes from turn to turn, so that none gains
/// by what the one before it left in a cache.
fn times<const KINDS: usize>(
    caller: &mut Caller,
    turns: usize,
    due: u16,
    requests: impl Fn(usize) -> [Vec<u8>; KINDS],
) -> Result<[Vec<Duration>; KINDS]> {
    let mut times = [const { Vec::new() }; KINDS];
    for turn in 0..turns {
        let requests = requests(turn);
        for kind in (0..KINDS).map(|kind| (kind + turn) % KINDS) {
            let began = Instant::now();
            caller.exchange(&requests[kind])?.expect(due)?;
            times[kind].push(began.elapsed());
        }
    }
    Ok(times)
}

fn row(name: &str, subject: &[Duration], baseline: &[Duration]) -> Row {
    let (subject, baseline) = (median_millis(subject), median_millis(baseline));
    let within = (subject / baseline - 1.0).abs() <= TOLERANCE;
    Row::ratio(name, "ms", &[subject], &[baseline], Target::None).with_target("within 3 %", within)
}
