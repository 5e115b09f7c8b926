//! Time from a logout response of one instance until another instance on the same Postgres database shows the revocation to
//! services that check tokens by themselves: by the call that waits for it, and in the status list.

use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::read::ZlibDecoder;
use munjigi::{
    clock::Clock,
    domain::service::Scopes,
    services::secret,
    store::{
        Db,
        services::{self, NewService},
    },
};
use serde_json::Value;

use crate::{
    Result,
    cluster::Cluster,
    database::{PASSWORD, add_users, email},
    http::{BlockingConnection, get, post},
    login::request,
    options::Options,
    server::Server,
    statistics::{millis, p99},
    table::{Row, Target},
    work_dir::WorkDir,
};

/// The name of the service, and its secret.
const SERVICE: &str = "checker";
/// Sessions per round.
const SESSIONS: usize = 20;
/// The bound for the call that waits.
const WAITING_LIMIT: Duration = Duration::from_secs(1);
/// The bound for the list.
const LIST_LIMIT: Duration = Duration::from_secs(2);

const SETTINGS: [(&str, &str); 2] = [
    ("MUNJIGI_SERVER__PUBLIC_URL", "http://munjigi.example"),
    ("MUNJIGI_TOKENS__STATUS_LIST", "true"),
];

/// Measures the p99 of each round.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let cluster = Cluster::start(work_dir)?;
    let database = cluster.database();
    let mut connection = database.migrate()?;
    add_users(&mut connection, 0..1, true)?;
    add_service(&mut connection)?;
    let directory = work_dir.directory("other-services")?;
    let (one, two) = (
        Server::munjigi_with(&database, &directory, &SETTINGS)?,
        Server::munjigi_with(&database, &directory, &SETTINGS)?,
    );
    let bearer = service_token(&two)?;
    let (mut waiting, mut lists, mut logouts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let mut times = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SESSIONS {
            let (logout, seen, marked) = log_out(&one, &two, &bearer)?;
            times.0.push(logout);
            times.1.push(seen);
            times.2.push(marked);
        }
        logouts.push(millis(p99(times.0)));
        waiting.push(millis(p99(times.1)));
        lists.push(millis(p99(times.2)));
    }
    let row = |name, times: &[f64], limit: Duration| {
        let is_reached = times.iter().all(|time| *time < millis(limit));
        let target = format!("< {} s", limit.as_secs());
        Row::ratio(name, "ms", times, &logouts, Target::None).with_target(&target, is_reached)
    };
    Ok(vec![
        row(
            "p99 from a logout to the answer of a waiting call",
            &waiting,
            WAITING_LIMIT,
        ),
        row(
            "p99 from a logout to the mark in the status list",
            &lists,
            LIST_LIMIT,
        ),
    ])
}

/// Adds the service that follows the revocations.
fn add_service(connection: &mut Db) -> Result<()> {
    let now = Clock::System.now();
    let new = NewService {
        name: SERVICE.into(),
        description: String::new(),
        secret_hash: secret::hash(SERVICE),
        scopes: Scopes::default(),
        is_active: true,
        created_at: now,
        updated_at: now,
    };
    services::insert(connection, &new)?;
    Ok(())
}

/// An access token of the service.
fn service_token(server: &Server) -> Result<String> {
    let body = format!(
        r#"{{"grant_type": "client_credentials", "client_id": "{SERVICE}", "client_secret": "{SERVICE}"}}"#
    );
    let mut connection = BlockingConnection::open(server.address)?;
    let answer = connection.exchange(&post("/oauth/token", &body))?;
    answer.expect(200)?;
    let answer: Value = serde_json::from_slice(answer.body)?;
    Ok(text(&answer, "access_token").to_owned())
}

/// The tokens of a new session: `data` of the answer.
fn log_in(server: &Server, number: usize) -> Result<Value> {
    let mut connection = BlockingConnection::open(server.address)?;
    let answer = connection.exchange(&request(&email(number), PASSWORD))?;
    answer.expect(200)?;
    let answer: Value = serde_json::from_slice(answer.body)?;
    Ok(answer["data"].clone())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The times of the logout, and from its response to the answer of the waiting call and to the mark.
fn log_out(one: &Server, two: &Server, bearer: &str) -> Result<(Duration, Duration, Duration)> {
    let bearer = bearer.to_owned();
    let mut waiting = BlockingConnection::open(two.address)?;
    let statement = waiting.exchange(&get("/oauth/revocations", Some(&bearer)))?;
    let statement = claims(std::str::from_utf8(statement.body)?)?;
    let path = format!("/oauth/revocations?since={}", text(&statement, "cursor"));
    let session = log_in(one, 0)?;
    let waiter = thread::spawn(move || -> Result<(Instant, String)> {
        let call = String::from_utf8(get(&path, Some(&bearer)))?;
        let call = call.replacen("\r\n\r\n", "\r\nPrefer: wait=20\r\n\r\n", 1);
        let answer = waiting.exchange(call.as_bytes())?;
        answer.expect(200)?;
        Ok((Instant::now(), String::from_utf8(answer.body.to_vec())?))
    });
    // The call has arrived by then.
    thread::sleep(Duration::from_millis(50));
    let body = format!("{{\"refresh\": \"{}\"}}", text(&session, "refresh"));
    let mut connection = BlockingConnection::open(one.address)?;
    let start = Instant::now();
    connection
        .exchange(&post("/auth/logout", &body))?
        .expect(200)?;
    let logged_out = Instant::now();
    let access = claims(text(&session, "access"))?;
    let marked = mark(two, &access, logged_out)?;
    let (seen, answer) = waiter.join().map_err(|_| "the waiting call panicked")??;
    let statement = claims(&answer)?;
    if text(&statement["sessions"][0], "sid") != text(&access, "sid") {
        return Err("the waiting call did not get the session".into());
    }
    let seen = seen.saturating_duration_since(logged_out);
    Ok((logged_out - start, seen, marked))
}

/// The time until the status list has the mark of an access token.
fn mark(server: &Server, access: &Value, since: Instant) -> Result<Duration> {
    let place = &access["status"]["status_list"];
    let uri = text(place, "uri");
    let path = uri
        .strip_prefix("http://munjigi.example")
        .ok_or("no list")?;
    let index = usize::try_from(place["idx"].as_u64().ok_or("no index")?)?;
    let mut connection = BlockingConnection::open(server.address)?;
    while since.elapsed() < 5 * LIST_LIMIT {
        let list = connection.exchange(&get(path, None))?;
        list.expect(200)?;
        let received = since.elapsed();
        let list = claims(std::str::from_utf8(list.body)?)?;
        let compressed = text(&list["status_list"], "lst");
        let compressed = BASE64_URL_SAFE_NO_PAD.decode(compressed)?;
        let mut bits = Vec::new();
        ZlibDecoder::new(&compressed[..]).read_to_end(&mut bits)?;
        if bits[index / 8] >> (index % 8) & 1 == 1 {
            return Ok(received);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Err("the list has no mark".into())
}

/// The claims of a JWT, not verified.
fn claims(token: &str) -> Result<Value> {
    let part = token.split('.').nth(1).ok_or("not a JWT")?;
    Ok(serde_json::from_slice(
        &BASE64_URL_SAFE_NO_PAD.decode(part)?,
    )?)
}
