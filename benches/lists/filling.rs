//! The rows of an installation, made inside the database: a row that came through the program one by one would take hours.

use std::fmt;

use diesel::connection::SimpleConnection;
use munjigi::{clock::Clock, store::Db};

use crate::Result;

/// How many rows there are.
#[derive(Clone, Copy)]
pub struct Size {
    /// Internal users.
    pub users: i64,
    /// Clients.
    pub clients: i64,
    /// Outstanding tokens, five to a session.
    pub tokens: i64,
    /// Events of the audit log.
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
    /// Ten thousand rows of each kind, or fewer where the big one is smaller than that.
    pub fn small(scale: f64) -> Self {
        let big = Self::big(scale);
        Self {
            users: 10_000.min(big.users / 10),
            clients: 10_000.min(big.clients / 10),
            tokens: 10_000.min(big.tokens / 10),
            events: 10_000.min(big.events / 10),
        }
    }

    /// A million users, two hundred thousand clients, five million tokens, a million events, times `scale`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "scale is at most ten, and rows are whole"
    )]
    pub fn big(scale: f64) -> Self {
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

/// How long a refresh token lives, in seconds.
const REFRESH_LIFE: i64 = 30 * 86_400;

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

/// What the two databases say differently.
struct Dialect {
    is_sqlite: bool,
    now: i64,
}

impl Dialect {
    /// A point in time, from seconds since 1970.
    fn time(&self, seconds: &str) -> String {
        if self.is_sqlite {
            format!("strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch')")
        } else {
            format!("(to_timestamp({seconds}) AT TIME ZONE 'UTC')")
        }
    }

    /// So many hex digits of a number.
    fn hex(&self, digits: u8, number: &str) -> String {
        if self.is_sqlite {
            format!("printf('%0{digits}x', {number})")
        } else {
            format!("lpad(to_hex(CAST({number} AS BIGINT)), {digits}, '0')")
        }
    }

    /// An id as the program makes it: its time in milliseconds, and digits that look like chance but are not.
    fn id(&self, seconds: &str, number: &str) -> String {
        format!(
            "{} || {} || {}",
            self.hex(12, &format!("({seconds}) * 1000")),
            self.hex(8, &format!("(({number}) * 2654435761) % 4294967296")),
            self.hex(12, number)
        )
    }
}

/// The numbers from 1, and two lists of words with their numbers from 0.
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

/// Fills a migrated database.
pub fn fill(connection: &mut Db, size: Size) -> Result<()> {
    let dialect = Dialect {
        is_sqlite: matches!(connection, Db::Sqlite(_)),
        now: Clock::System.now().unix_micros() / 1_000_000,
    };
    if dialect.is_sqlite {
        // A database that is not finished is worth nothing, so nothing has to be safe yet.
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
        let began = std::time::Instant::now();
        connection.batch_execute(&statement)?;
        eprintln!("  {what}: {:.1} s", began.elapsed().as_secs_f64());
    }
    if !dialect.is_sqlite {
        // The server does it by itself within minutes. SQLite never does, so it has to be quick without.
        connection.batch_execute("VACUUM ANALYZE")?;
    }
    Ok(())
}

/// One in ten thousand an administrator, one in five thousand an auditor, three in a hundred inactive, one in ten never seen.
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
         FROM numbers JOIN given ON g = n % {} JOIN family ON f = (n / 7) % {}) AS made ORDER BY n",
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
         FROM numbers JOIN given ON g = n % {} JOIN family ON f = (n / 7) % {}) AS made ORDER BY n",
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

/// When session number `s` began, in seconds: evenly over 29 days that ended four days ago.
fn began(dialect: &Dialect, size: Size, s: &str) -> String {
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

/// One in twenty-five has ended.
fn sessions(dialect: &Dialect, size: Size) -> String {
    let began = began(dialect, size, "n");
    let at = |days: i64| dialect.time(&format!("{began} + {}", days * 86_400));
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
        id = dialect.id(&began, "n"),
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

/// The columns of token number `n`: five a session, a day apart.
fn token(dialect: &Dialect, size: Size) -> String {
    let began = began(dialect, size, "s");
    let created = format!("({began} + (n % 5) * 86400)");
    format!(
        "SELECT n, s, {} AS jti, {} AS session_id, {} AS user_type, {} AS user_seq, {created} AS created \
         FROM (SELECT n, n / 5 + 1 AS s FROM (SELECT n - 1 AS n FROM numbers) AS from_zero) AS numbered",
        dialect.id(&created, "n"),
        dialect.id(&began, "s"),
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
        dialect.time(&format!("created + {REFRESH_LIFE}")),
        token(dialect, size),
    )
}

/// All but the last token of a session were used; where the session has ended, that one is blacklisted as well.
fn blacklist(dialect: &Dialect, size: Size) -> String {
    format!(
        "{} INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at) \
         SELECT jti, session_id, user_type, user_seq, CASE WHEN n % 5 < 4 THEN 'rotated' ELSE {} END, {}, {} \
         FROM ({}) AS token WHERE n % 5 < 4 OR s % 25 = 0",
        with_numbers(size.tokens),
        reason("s"),
        dialect.time("created + CASE WHEN n % 5 < 4 THEN 86400 ELSE 60 END"),
        dialect.time(&format!("created + {REFRESH_LIFE}")),
        token(dialect, size),
    )
}

/// Nearly all of them change an account through the panel; one in three thousand is an export, one in two thousand came
/// from the command line.
fn events(dialect: &Dialect, size: Size) -> String {
    let happened = dialect.time(&format!(
        "{} - 94000000 + n * 93000000 / {}",
        dialect.now, size.events
    ));
    format!(
        "{} INSERT INTO audit_events (happened_at, source, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
         subject_seq, subject_name, changes, ip_address, user_agent, request_id, search_text) \
         SELECT {happened}, door, 'user', 1 + n % 50, actor, action, 'done', 'user', seq, subject, '[]', ip, \
         'Mozilla/5.0 (bench)', NULL, actor || {newline} || subject || {newline} || ip \
         FROM (SELECT n, CASE WHEN n % 2000 = 7 THEN 'command_line' WHEN n % 5 = 0 THEN 'api' ELSE 'panel' END AS door, \
         'admin' || (1 + n % 50) || '@example.org' AS actor, \
         CASE WHEN n % 3000 = 5 THEN 'exported' WHEN n % 4 = 0 THEN 'signed_in' ELSE 'account_updated' END AS action, \
         1 + (n * 7919) % {users} AS seq, given_name || '.' || family_name || n || '@corp.example.com' AS subject, \
         '192.0.2.' || (n % 250) AS ip \
         FROM numbers JOIN given ON g = n % {} JOIN family ON f = (n / 7) % {}) AS made ORDER BY n",
        with_numbers(size.events),
        GIVEN.split(' ').count(),
        FAMILY.split(' ').count(),
        newline = newline(dialect),
        users = size.users,
    )
}
