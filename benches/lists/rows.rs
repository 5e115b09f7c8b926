//! Generates the rows with SQL in the database; inserting them one by one would take hours.

use std::fmt;

use diesel::connection::SimpleConnection;
use munjigi::{clock::Clock, store::Db};

use crate::Result;

/// The number of rows per table.
#[derive(Clone, Copy)]
pub struct Size {
    /// Internal users.
    pub users: i64,
    /// Clients.
    pub clients: i64,
    /// Outstanding tokens, five per session.
    pub tokens: i64,
    /// Audit events.
    pub events: i64,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (users, clients, tokens) = (self.users, self.clients, self.tokens);
        write!(
            f,
            "{users} users, {clients} clients, {tokens} tokens, {} events",
            self.events
        )
    }
}

impl Size {
    /// 10,000 rows per table, or a tenth of the large size if that is less.
    pub fn small(scale: f64) -> Self {
        let large = Self::large(scale);
        Self {
            users: 10_000.min(large.users / 10),
            clients: 10_000.min(large.clients / 10),
            tokens: 10_000.min(large.tokens / 10),
            events: 10_000.min(large.events / 10),
        }
    }

    /// 1,000,000 users, 200,000 clients, 5,000,000 tokens and 1,000,000 events, times `scale`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "scale is at most ten, and the number of rows is an integer"
    )]
    pub fn large(scale: f64) -> Self {
        let rows = |of: f64| (of * scale) as i64;
        Self {
            users: rows(1_000_000.0),
            clients: rows(200_000.0),
            tokens: rows(5_000_000.0),
            events: rows(1_000_000.0),
        }
    }
}

const GIVEN: &str =
    "minjun seoyeon jihoon yuna ann james olivia liam sophia noah emma lucas mia ethan ava";
const FAMILY: &str =
    "kim lee park choi jung kang cho yoon jang lim smith jones taylor brown wilson evans";

/// Lifetime of a refresh token in seconds.
const REFRESH_LIFETIME: i64 = 30 * 86_400;

/// The e-mail of user number `n`.
pub fn email(n: i64) -> String {
    let domains = ["example.org", "corp.example.com", "mail.example.net"];
    let domain = word(&domains, n);
    let (given, family) = names(n);
    format!("{given}.{family}{n}@{domain}")
}

/// The username of client number `n`.
pub fn username(n: i64) -> String {
    format!("{}-{n}", names(n).0)
}

fn names(n: i64) -> (&'static str, &'static str) {
    let (given, family): (Vec<_>, Vec<_>) =
        (GIVEN.split(' ').collect(), FAMILY.split(' ').collect());
    (word(&given, n), word(&family, n / 7))
}

fn word(words: &[&'static str], n: i64) -> &'static str {
    let at = usize::try_from(n).unwrap_or(0) % words.len();
    words.get(at).copied().unwrap_or_default()
}

/// The SQL dialect of a database.
struct Dialect {
    is_sqlite: bool,
    now: i64,
}

impl Dialect {
    /// A timestamp from seconds since 1970.
    fn time(&self, seconds: &str) -> String {
        if self.is_sqlite {
            format!("strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch')")
        } else {
            format!("(to_timestamp({seconds}) AT TIME ZONE 'UTC')")
        }
    }

    /// A number with this many hex digits.
    fn hex(&self, digits: u8, number: &str) -> String {
        if self.is_sqlite {
            format!("printf('%0{digits}x', {number})")
        } else {
            format!("lpad(to_hex(CAST({number} AS BIGINT)), {digits}, '0')")
        }
    }

    /// An id: the time in milliseconds and pseudo-random digits.
    fn id(&self, seconds: &str, number: &str) -> String {
        format!(
            "{} || {} || {}",
            self.hex(12, &format!("({seconds}) * 1000")),
            self.hex(8, &format!("(({number}) * 2654435761) % 4294967296")),
            self.hex(12, number)
        )
    }
}

/// Common table expressions: the numbers from 1, and given and family names numbered from 0.
fn with_numbers(count: i64) -> String {
    let list = |words: &str| -> String {
        let rows = words.split(' ').enumerate();
        let rows: Vec<String> = rows.map(|(at, word)| format!("({at}, '{word}')")).collect();
        rows.join(", ")
    };
    format!(
        "WITH RECURSIVE numbers(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}), \
         given(g, given_name) AS (VALUES {}), family(f, family_name) AS (VALUES {})",
        list(GIVEN),
        list(FAMILY)
    )
}

/// Inserts the rows into a migrated database.
pub fn insert(connection: &mut Db, size: Size) -> Result<()> {
    let dialect = Dialect {
        is_sqlite: matches!(connection, Db::Sqlite(_)),
        now: Clock::System.now().unix_micros() / 1_000_000,
    };
    if dialect.is_sqlite {
        // Durability is not needed while the database is created.
        connection.batch_execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000")?;
    } else {
        connection
            .batch_execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")?;
    }
    for (what, statement) in [
        ("users", users(&dialect, size)),
        ("clients", clients(&dialect, size)),
        ("sessions", sessions(&dialect, size)),
        ("tokens", tokens(&dialect, size)),
        ("blacklist", blacklist(&dialect, size)),
        ("audit log", events(&dialect, size)),
    ] {
        let start = std::time::Instant::now();
        connection.batch_execute(&statement)?;
        eprintln!("  {what}: {:.1} s", start.elapsed().as_secs_f64());
    }
    if !dialect.is_sqlite {
        // Postgres analyzes automatically within minutes. SQLite never does, so it is measured without.
        connection.batch_execute("VACUUM ANALYZE")?;
    }
    Ok(())
}

/// 1 of 10,000 is an administrator, 1 of 5,000 an auditor, 3 of 100 inactive, 1 of 10 never logged in.
fn users(dialect: &Dialect, size: Size) -> String {
    let email = "given_name || '.' || family_name || n || '@' || CASE n % 3 WHEN 0 THEN 'example.org' WHEN 1 \
                 THEN 'corp.example.com' ELSE 'mail.example.net' END";
    let name = "upper(substr(given_name, 1, 1)) || substr(given_name, 2) || ' ' || upper(substr(family_name, 1, 1)) \
                || substr(family_name, 2)";
    let created = dialect.time(&format!(
        "{} - 94000000 + n * 93000000 / {}",
        dialect.now, size.users
    ));
    let last = dialect.time(&format!("{} - (n * 7919) % 7776000", dialect.now));
    format!(
        "{} INSERT INTO users (email, email_normalized, name, name_normalized, role, password_hash, is_active, \
         last_login_at, created_at, updated_at, search_text) \
         SELECT email, email, name, lower(name), role, NULL, n % 33 <> 0, CASE WHEN n % 10 = 0 THEN NULL ELSE {last} END, \
         {created}, {created}, email || {newline} || lower(name) FROM (SELECT n, {email} AS email, {name} AS name, \
         CASE WHEN n % 10000 = 1 THEN 'admin' WHEN n % 5000 = 2 THEN 'auditor' ELSE 'staff' END AS role \
         FROM numbers JOIN given ON g = n % {} JOIN family ON f = (n / 7) % {}) AS generated ORDER BY n",
        with_numbers(size.users),
        GIVEN.split(' ').count(),
        FAMILY.split(' ').count(),
        newline = newline(dialect),
    )
}

fn clients(dialect: &Dialect, size: Size) -> String {
    let created = dialect.time(&format!(
        "{} - 94000000 + n * 93000000 / {}",
        dialect.now, size.clients
    ));
    let last = dialect.time(&format!("{} - (n * 7919) % 7776000", dialect.now));
    format!(
        "{} INSERT INTO client_users (username, username_normalized, name, name_normalized, email, email_normalized, phone, \
         password_hash, is_active, last_login_at, created_at, updated_at, search_text) \
         SELECT username, username, name, lower(name), email, email, CASE WHEN n % 2 = 0 THEN '+82 10-' || n END, NULL, \
         n % 33 <> 0, CASE WHEN n % 10 = 0 THEN NULL ELSE {last} END, {created}, {created}, \
         username || {newline} || lower(name) || {newline} || email || CASE WHEN n % 2 = 0 THEN {newline} || '+82 10-' || n ELSE '' END \
         FROM (SELECT n, given_name || '-' || n AS username, 'Shop ' || family_name || ' ' || n AS name, \
         given_name || n || '@shop.example.com' AS email \
         FROM numbers JOIN given ON g = n % {} JOIN family ON f = (n / 7) % {}) AS generated ORDER BY n",
        with_numbers(size.clients),
        GIVEN.split(' ').count(),
        FAMILY.split(' ').count(),
        newline = newline(dialect),
    )
}

fn newline(dialect: &Dialect) -> &'static str {
    if dialect.is_sqlite {
        "char(10)"
    } else {
        "chr(10)"
    }
}

/// Start time of session `s` in seconds: evenly distributed over 29 days that ended four days ago.
fn start_time(dialect: &Dialect, size: Size, s: &str) -> String {
    let sessions = size.tokens / 5;
    format!(
        "({} - 33 * 86400 + ({s}) * (29 * 86400) / {sessions})",
        dialect.now
    )
}

const OWNER_TYPE: &str = "CASE WHEN (s) % 5 = 0 THEN 'client' ELSE 'user' END";

fn owner_seq(size: Size) -> String {
    let (users, clients) = (size.users, size.clients);
    format!("1 + ((s) * 7919) % CASE WHEN (s) % 5 = 0 THEN {clients} ELSE {users} END")
}

/// 1 of 25 sessions has ended.
fn sessions(dialect: &Dialect, size: Size) -> String {
    let start = start_time(dialect, size, "n");
    let at = |days: i64| dialect.time(&format!("{start} + {}", days * 86_400));
    format!(
        "{} INSERT INTO sessions (id, user_type, user_seq, method, ip_address, user_agent, created_at, last_used_at, \
         expires_at, absolute_expires_at, ended_at, end_reason) \
         SELECT {id}, {owner_type}, {owner_seq}, 'password', '192.0.2.' || (n % 250), 'Mozilla/5.0 (bench)', {}, {}, {}, {}, \
         CASE WHEN n % 25 = 0 THEN {} END, CASE WHEN n % 25 = 0 THEN {reason} END FROM numbers ORDER BY n",
        with_numbers(size.tokens / 5),
        at(0),
        at(4),
        at(34),
        at(90),
        at(4),
        id = dialect.id(&start, "n"),
        owner_type = OWNER_TYPE.replace("(s)", "n"),
        owner_seq = owner_seq(size).replace("(s)", "n"),
        reason = reason("n"),
    )
}

fn reason(s: &str) -> String {
    format!(
        "CASE ({s}) / 25 % 10 WHEN 0 THEN 'administrator' WHEN 1 THEN 'deactivated' WHEN 2 THEN 'password_changed' \
         WHEN 3 THEN 'logout_all' ELSE 'logout' END"
    )
}

/// The columns of token `n`: five per session, created one day apart.
fn token(dialect: &Dialect, size: Size) -> String {
    let start = start_time(dialect, size, "s");
    let created = format!("({start} + (n % 5) * 86400)");
    format!(
        "SELECT n, s, {} AS jti, {} AS session_id, {} AS user_type, {} AS user_seq, {created} AS created \
         FROM (SELECT n, n / 5 + 1 AS s FROM (SELECT n - 1 AS n FROM numbers) AS from_zero) AS numbered",
        dialect.id(&created, "n"),
        dialect.id(&start, "s"),
        OWNER_TYPE.replace("(s)", "s"),
        owner_seq(size).replace("(s)", "s"),
    )
}

fn tokens(dialect: &Dialect, size: Size) -> String {
    format!(
        "{} INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) \
         SELECT jti, session_id, user_type, user_seq, {}, {} FROM ({}) AS token",
        with_numbers(size.tokens),
        dialect.time("created"),
        dialect.time(&format!("created + {REFRESH_LIFETIME}")),
        token(dialect, size),
    )
}

/// All tokens of a session but the last are rotated; if the session has ended, the last one is blacklisted too.
fn blacklist(dialect: &Dialect, size: Size) -> String {
    format!(
        "{} INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at) \
         SELECT jti, session_id, user_type, user_seq, CASE WHEN n % 5 < 4 THEN 'rotated' ELSE {} END, {}, {} \
         FROM ({}) AS token WHERE n % 5 < 4 OR s % 25 = 0",
        with_numbers(size.tokens),
        reason("s"),
        dialect.time("created + CASE WHEN n % 5 < 4 THEN 86400 ELSE 60 END"),
        dialect.time(&format!("created + {REFRESH_LIFETIME}")),
        token(dialect, size),
    )
}

/// Most events are account updates in the admin panel; 1 of 3,000 is an export, 1 of 2,000 is from the CLI.
fn events(dialect: &Dialect, size: Size) -> String {
    let happened = dialect.time(&format!(
        "{} - 94000000 + n * 93000000 / {}",
        dialect.now, size.events
    ));
    format!(
        "{} INSERT INTO audit_events (happened_at, source, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
         subject_seq, subject_name, changes, ip_address, user_agent, request_id, search_text) \
         SELECT {happened}, source, 'user', 1 + n % 50, actor, action, 'done', 'user', seq, subject, '[]', ip, \
         'Mozilla/5.0 (bench)', NULL, actor || {newline} || subject || {newline} || ip \
         FROM (SELECT n, CASE WHEN n % 2000 = 7 THEN 'command_line' WHEN n % 5 = 0 THEN 'api' ELSE 'panel' END AS source, \
         'admin' || (1 + n % 50) || '@example.org' AS actor, \
         CASE WHEN n % 3000 = 5 THEN 'exported' WHEN n % 4 = 0 THEN 'signed_in' ELSE 'account_updated' END AS action, \
         1 + (n * 7919) % {users} AS seq, given_name || '.' || family_name || n || '@corp.example.com' AS subject, \
         '192.0.2.' || (n % 250) AS ip \
         FROM numbers JOIN given ON g = n % {} JOIN family ON f = (n / 7) % {}) AS generated ORDER BY n",
        with_numbers(size.events),
        GIVEN.split(' ').count(),
        FAMILY.split(' ').count(),
        newline = newline(dialect),
        users = size.users,
    )
}
