//! `GET /api/me` while garbage tokens flood the server, or an administrator's browsers search among very many users.

use std::time::Duration;

use diesel::RunQueryDsl;
use munjigi::{
    clock::Clock,
    domain::session::BrowserSessionId,
    services::secret,
    store::{
        Db,
        browser_sessions::{self, NewBrowserSession},
        users,
    },
};

use crate::{
    Result,
    cluster::Cluster,
    database::{Database, add_members, add_users, email},
    exchange::{Answer, get, post},
    flood::while_flooded,
    load::Client,
    options::Options,
    probe::latencies,
    server::Server,
    statistics::{Spread, millis, p99},
    table::{Row, Target},
    workplace::Workplace,
};

/// How many connections flood.
const CONNECTIONS: usize = 32;
/// How many users are searched.
const USERS: usize = 100_000;
/// How long a call may take under a flood, in 99 of 100 cases, in milliseconds.
const LIMIT: f64 = 100.0;

/// The p99 under either flood, on SQLite and on Postgres.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("floods")?;
    let sqlite = Database::Sqlite(directory.join("munjigi.db"));
    let mut rows = on("SQLite", &sqlite, options, workplace)?;
    match Cluster::start(workplace) {
        Ok(cluster) => rows.extend(on("Postgres", &cluster.database(), options, workplace)?),
        Err(reason) => rows.push(Row::without_figure(
            "floods on Postgres",
            &reason.to_string(),
        )),
    }
    Ok(rows)
}

fn on(
    name: &str,
    database: &Database,
    options: &Options,
    workplace: &Workplace,
) -> Result<Vec<Row>> {
    let mut connection = database.migrate()?;
    let members = add_members(&mut connection, 0..1)?;
    let member = members.first().ok_or("nobody is logged in")?;
    add_users(&mut connection, 1..USERS, true)?;
    let cookie = sign_in(&mut connection)?;
    drop(connection);
    let munjigi = Server::munjigi(database, &workplace.directory("floods")?)?;
    let request = get("/api/me", Some(&member.access));
    latencies(munjigi.address, &request, options.turn / 4)?;
    let mut rows = Vec::new();
    for kind in ["garbage tokens", "searches"] {
        let (mut flooded, mut idle) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let probe = || latencies(munjigi.address, &request, options.turn * 2);
            idle.push(millis(p99(probe()?)));
            let clients = (0..CONNECTIONS).map(|number| match kind {
                "searches" => Flooding::searches(number, &cookie),
                _ => Flooding::garbage(number, &member.access),
            });
            flooded.push(millis(p99(while_flooded(
                &munjigi,
                clients.collect(),
                probe,
            )?)));
        }
        let highest = Spread::of(flooded.clone()).greatest;
        let title = format!("me under {kind}, {name}, p99");
        rows.push(
            Row::ratio(&title, "ms", &flooded, &idle, Target::None).with_target(
                &format!("≤ {LIMIT} ms in each round, was {highest:.1}"),
                highest <= LIMIT,
            ),
        );
    }
    Ok(rows)
}

/// Makes one of the users an administrator who is signed in to the panel; the cookie.
fn sign_in(connection: &mut Db) -> Result<String> {
    let now = Clock::System.now();
    let row = users::find_by_email(connection, &email(1))?.ok_or("nobody to sign in")?;
    diesel::sql_query(format!(
        "UPDATE users SET role = 'admin' WHERE id = {}",
        row.id
    ))
    .execute(connection)?;
    let secret = secret::generate()?;
    let until = now + Duration::from_hours(1);
    browser_sessions::insert(
        connection,
        &NewBrowserSession {
            id: BrowserSessionId::new(now),
            token_hash: secret::hash(&secret),
            user_seq: row.id,
            ip_address: None,
            user_agent: None,
            created_at: now,
            last_used_at: now,
            expires_at: until,
            absolute_expires_at: until,
        },
    )?;
    Ok(secret)
}

/// Somebody who asks the same things in turn, and is answered as is due, or told that the server is busy.
struct Flooding {
    requests: Vec<Vec<u8>>,
    next: usize,
    due: u16,
}

impl Flooding {
    /// Tokens that are none, and one whose signature is wrong, everywhere where tokens are read.
    fn garbage(number: usize, token: &str) -> Self {
        let forged = format!("{}AAAA", token.get(..token.len() - 4).unwrap_or(token));
        let long = "x".repeat(4_000);
        let requests = ["garbage", forged.as_str(), long.as_str()]
            .into_iter()
            .flat_map(|token| {
                [
                    get("/api/me", Some(token)),
                    post("/auth/refresh", &format!("{{\"refresh\":\"{token}\"}}")),
                    post("/auth/verify", &format!("{{\"token\":\"{token}\"}}")),
                ]
            });
        Self {
            requests: requests.collect(),
            next: number,
            due: 401,
        }
    }

    /// Searches of one and two letters, which no index answers.
    fn searches(number: usize, cookie: &str) -> Self {
        let request = |text: &&str| {
            format!(
                "GET /admin/users?search={text} HTTP/1.1\r\nHost: localhost\r\nCookie: munjigi_session={cookie}\r\n\r\n"
            )
            .into_bytes()
        };
        Self {
            requests: ["a", "zz", "9", "qx", "er", "x0"]
                .iter()
                .map(request)
                .collect(),
            next: number,
            due: 200,
        }
    }
}

impl Client for Flooding {
    fn request(&mut self) -> &[u8] {
        self.next = (self.next + 1) % self.requests.len();
        self.requests.get(self.next).map_or(&[], Vec::as_slice)
    }

    fn accept(&mut self, answer: &Answer<'_>) -> Result<bool> {
        if answer.status == 503 {
            return Ok(false);
        }
        answer.expect(self.due).map(|()| true)
    }
}
