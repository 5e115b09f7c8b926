//! Latency of `GET /api/me` during floods of invalid tokens and of searches in the admin panel.

use std::{net::SocketAddr, time::Duration};

use diesel::RunQueryDsl;
use munjigi::{
    clock::Clock,
    domain::session::BrowserSessionId,
    services::secret,
    store::{
        Db,
        browser_sessions::{self, BrowserSessionRow},
        users,
    },
};

use crate::{
    Result,
    closed_loop::Client,
    cluster::Cluster,
    database::{Database, add_logged_in, add_users, email},
    http::{Response, get, post},
    login_flood::while_flooded,
    open_loop::latencies,
    options::Options,
    server::Server,
    statistics::{Spread, millis, p99},
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Connections of a flood.
const CONNECTIONS: usize = 32;
/// Number of users in the database.
const USERS: usize = 100_000;
/// Target of the p99 during a flood, in milliseconds.
const LIMIT: f64 = 100.0;

/// Measures both floods on SQLite and on Postgres.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("floods")?;
    let sqlite = Database::Sqlite(directory.join("munjigi.db"));
    let mut rows = measure_on("SQLite", &sqlite, options, work_dir)?;
    match Cluster::start(work_dir) {
        Ok(cluster) => rows.extend(measure_on(
            "Postgres",
            &cluster.database(),
            options,
            work_dir,
        )?),
        Err(reason) => rows.push(Row::without_figure(
            "floods on Postgres",
            &reason.to_string(),
        )),
    }
    Ok(rows)
}

fn measure_on(
    name: &str,
    database: &Database,
    options: &Options,
    work_dir: &WorkDir,
) -> Result<Vec<Row>> {
    let mut connection = database.migrate()?;
    let users = add_logged_in(&mut connection, 0..1)?;
    let user = users.first().ok_or("no session")?;
    add_users(&mut connection, 1..USERS, true)?;
    let secret = log_in(&mut connection)?;
    drop(connection);
    let munjigi = Server::munjigi(database, &work_dir.directory(&format!("floods-{name}"))?)?;
    let cookie = panel_cookie(munjigi.address, &secret);
    let request = get("/api/me", Some(&user.access));
    latencies(munjigi.address, &request, options.duration / 4)?;
    let mut rows = Vec::new();
    for kind in ["invalid tokens", "searches"] {
        let (mut flooded, mut idle) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let probe = || latencies(munjigi.address, &request, options.duration * 2);
            idle.push(millis(p99(probe()?)));
            let clients = (0..CONNECTIONS).map(|number| match kind {
                "searches" => FloodClient::searches(number, &cookie),
                _ => FloodClient::invalid_tokens(number, &user.access),
            });
            flooded.push(millis(p99(while_flooded(
                &munjigi,
                clients.collect(),
                probe,
            )?)));
        }
        let highest = Spread::of(flooded.clone()).max;
        let title = format!("GET /api/me during a flood of {kind}, {name}, p99");
        rows.push(
            Row::ratio(&title, "ms", &flooded, &idle, Target::None).with_target(
                &format!("≤ {LIMIT} ms in each round, highest {highest:.1}"),
                highest <= LIMIT,
            ),
        );
    }
    Ok(rows)
}

/// Creates an admin panel session for one of the users, who becomes an administrator. Returns the cookie.
pub fn log_in(connection: &mut Db) -> Result<String> {
    let now = Clock::System.now();
    let row = users::find_by_login(connection, &email(1))?.ok_or("no user")?;
    diesel::sql_query(format!(
        "UPDATE users SET role = 'admin' WHERE id = {}",
        row.id
    ))
    .execute(connection)?;
    let secret = secret::generate()?;
    let until = now + Duration::from_hours(1);
    browser_sessions::insert(
        connection,
        &BrowserSessionRow {
            authenticated_at: Some(now),
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

/// The cookie of a panel session. Its name has the port, since cookies do not keep ports apart.
pub fn panel_cookie(server: SocketAddr, secret: &str) -> String {
    format!("munjigi_{}_session={secret}", server.port())
}

/// Sends requests in turn. Each response must have the expected status or 503.
struct FloodClient {
    requests: Vec<Vec<u8>>,
    next: usize,
    expected: u16,
}

impl FloodClient {
    /// Malformed tokens and a token with a wrong signature, for each endpoint that takes tokens.
    fn invalid_tokens(number: usize, token: &str) -> Self {
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
            expected: 401,
        }
    }

    /// Searches for one and two letters, for which no index can be used.
    fn searches(number: usize, cookie: &str) -> Self {
        let request = |text: &&str| {
            format!(
                "GET /admin/users?search={text} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
            )
            .into_bytes()
        };
        Self {
            requests: ["a", "zz", "9", "qx", "er", "x0"]
                .iter()
                .map(request)
                .collect(),
            next: number,
            expected: 200,
        }
    }
}

impl Client for FloodClient {
    fn request(&mut self) -> &[u8] {
        self.next = (self.next + 1) % self.requests.len();
        self.requests.get(self.next).map_or(&[], Vec::as_slice)
    }

    fn accept(&mut self, response: &Response<'_>) -> Result<bool> {
        if response.status == 503 {
            return Ok(false);
        }
        response.expect(self.expected).map(|()| true)
    }
}
