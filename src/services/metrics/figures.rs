//! The metrics as they are exported: counters, and states that are read at that moment.

use std::time::Duration;

use prometheus_client::registry::Unit;

use crate::clock::Timestamp;
use crate::domain::principal::UserType;
use crate::domain::signing_key::KeyState;
use crate::log_writer::dropped_lines;
use crate::services::bootstrap::Services;
use crate::services::dashboard::Totals;
use crate::services::metrics::database::{Cache, DatabaseFigures};
use crate::services::metrics::exposition::{self, Families, Format, Labels, Value};
use crate::services::metrics::process;
use crate::store::flush::ExpiringTable;
use crate::traces::Tracer;
use crate::worker_pool::PoolFigures;

/// Reads the metrics.
#[derive(Debug, Default)]
pub struct Figures {
    database: Cache,
}

impl Figures {
    /// All metrics as text. `certificate_expiry` is when the certificate of the listeners expires.
    pub async fn text(
        &self,
        services: &Services,
        format: Format,
        certificate_expiry: Option<Timestamp>,
    ) -> String {
        let (store, clock) = (&services.store, &services.clock);
        let totals = services.dashboard.totals(store, clock);
        let (figures, totals) = tokio::join!(self.database.figures(services), totals);
        let mut families = Families::default();
        add_build(&mut families, services);
        add_requests(&mut families, services);
        add_hashing(&mut families, services);
        add_store(&mut families, services);
        add_deliveries(&mut families, services);
        add_webhooks(&mut families, services);
        add_states(&mut families, services);
        let is_up = Value::of(u8::from(figures.is_some()));
        let help = "1 if the figures of the database could be read, otherwise 0";
        families.one(("database_up", help), None, is_up);
        if let Some(totals) = totals {
            add_totals(&mut families, &totals);
        }
        if let Some(figures) = figures {
            add_backlog(&mut families, &figures, clock.now());
            add_keys(&mut families, services, &figures);
        }
        let expiry = certificate_expiry.map(|at| (Vec::new(), Value::Number(unix(at))));
        let help = "When the certificate of server.tls_certificate expires, in Unix time";
        let name = "tls_certificate_expiry_timestamp";
        families.add((name, help), Some(Unit::Seconds), expiry);
        let mut of_process = Families::default();
        process::add(&mut of_process, services.dashboard.started_at());
        let (own, of_process) = (
            families.registry(Some("munjigi")),
            of_process.registry(None),
        );
        exposition::text(&[services.metrics.registry(), &own, &of_process], format)
    }
}

fn label(name: &'static str, value: impl Into<String>) -> Labels {
    vec![(name, value.into())]
}

fn unix(at: Timestamp) -> f64 {
    seconds(at.since(Timestamp::EPOCH))
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn add_build(families: &mut Families, services: &Services) {
    let labels = vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("database", services.store.backend().to_ascii_lowercase()),
    ];
    let help = "The version of the program and its database";
    families.add(("build", help), None, [(labels, Value::Info)]);
}

fn add_requests(families: &mut Families, services: &Services) {
    let (mut numbers, mut times) = (Vec::new(), Vec::new());
    for ((route, method), of_route) in services.metrics.requests.by_route() {
        let route = if route.is_empty() {
            "-".to_owned()
        } else {
            route
        };
        let labels = vec![("route", route), ("method", method.to_owned())];
        for (status, number) in of_route.statuses {
            let mut labels = labels.clone();
            labels.push(("status", status.to_string()));
            numbers.push((labels, Value::Count(number)));
        }
        times.push((labels, Value::Times(of_route.times)));
    }
    families.add(("http_requests", "Answered requests"), None, numbers);
    let help = "Time from the head of a request to the end of its answer";
    let name = "http_request_duration";
    families.add((name, help), Some(Unit::Seconds), times);
}

/// Adds one metric of several pools.
fn add_of_pools(
    families: &mut Families,
    (name, help): (&'static str, &'static str),
    unit: Option<Unit>,
    (label_name, pools): (&'static str, &[(&'static str, PoolFigures)]),
    value: impl Fn(&PoolFigures) -> Value,
) {
    let sample =
        |(pool, figures): &(&'static str, PoolFigures)| (label(label_name, *pool), value(figures));
    families.add((name, help), unit, pools.iter().map(sample));
}

fn add_hashing(families: &mut Families, services: &Services) {
    let lanes = services.passwords.figures();
    let mut add = |name, help, unit, value: fn(&PoolFigures) -> Value| {
        add_of_pools(families, (name, help), unit, ("lane", &lanes), value);
    };
    let help = "Passwords that wait for a thread";
    add("hash_queue_length", help, None, |of| Value::of(of.waiting));
    let help = "Threads that hash a password";
    add("hash_threads_in_use", help, None, |of| Value::of(of.in_use));
    let help = "Passwords that got no thread in time";
    let rejected = |of: &PoolFigures| Value::Count(of.rejected);
    add("hash_queue_rejected", help, None, rejected);
    let help = "Time that a password waited for a thread";
    let waits = |of: &PoolFigures| Value::Times(of.waits.clone());
    add("hash_queue_wait", help, Some(Unit::Seconds), waits);
    let help = "Time that a password was hashed";
    let uses = |of: &PoolFigures| Value::Times(of.uses.clone());
    add("hash_duration", help, Some(Unit::Seconds), uses);
}

fn add_store(families: &mut Families, services: &Services) {
    let figures = services.store.figures();
    let mut add = |name, help, unit, value: fn(&PoolFigures) -> Value| {
        add_of_pools(
            families,
            (name, help),
            unit,
            ("pool", &figures.pools),
            value,
        );
    };
    let help = "Connections of the pool";
    add("database_pool_size", help, None, |of| Value::of(of.size));
    let help = "Connections in use";
    add("database_pool_in_use", help, None, |of| {
        Value::of(of.in_use)
    });
    let help = "Callers that wait for a connection";
    add("database_pool_waiting", help, None, |of| {
        Value::of(of.waiting)
    });
    let help = "Callers that got no connection in time";
    let rejected = |of: &PoolFigures| Value::Count(of.rejected);
    add("database_pool_rejected", help, None, rejected);
    let help = "Time that a caller waited for a connection";
    let waits = |of: &PoolFigures| Value::Times(of.waits.clone());
    add("database_pool_wait", help, Some(Unit::Seconds), waits);
    let help = "Time that a caller used a connection";
    let uses = |of: &PoolFigures| Value::Times(of.uses.clone());
    add("database_pool_use", help, Some(Unit::Seconds), uses);
    if let Some(writer) = figures.writer {
        let help = "Writes that wait for the writer of SQLite";
        let waiting = Value::of(writer.waiting);
        families.one(("sqlite_writer_queue_length", help), None, waiting);
        let help = "Writes in one transaction of the writer of SQLite";
        let batches = Value::Numbers(writer.batches);
        families.one(("sqlite_writer_batch_size", help), None, batches);
        let (name, help) = (
            "sqlite_writer_commit",
            "Time of a commit of the writer of SQLite",
        );
        let commits = Value::Times(writer.commits);
        families.one((name, help), Some(Unit::Seconds), commits);
    }
}

fn add_deliveries(families: &mut Families, services: &Services) {
    let [codes, mail] = services.delivery.counts_by_channel();
    let is_one = codes.channel == mail.channel;
    let channels = [(!is_one).then_some(codes), Some(mail)];
    let samples = channels.into_iter().flatten().flat_map(|counts| {
        [("sent", counts.sent), ("failed", counts.failed)].map(|(outcome, count)| {
            let mut labels = label("channel", counts.channel);
            labels.push(("outcome", outcome.to_owned()));
            (labels, Value::Count(count))
        })
    });
    let help = "One-time codes, links and notices by outcome";
    families.add(("deliveries", help), None, samples);
    let help = "One-time codes, links and notices that are neither sent nor failed yet";
    let pending = Value::of(services.delivery.counts().queued);
    families.one(("pending_deliveries", help), None, pending);
}

fn add_webhooks(families: &mut Families, services: &Services) {
    let counts = services.webhooks.counts();
    let samples = [
        ("delivered", counts.delivered),
        ("failed", counts.failed),
        ("dead", counts.dead),
    ];
    let samples = samples.map(|(outcome, count)| (label("outcome", outcome), Value::Count(count)));
    let help = "Attempts to send events to endpoints by outcome; dead: the last one";
    families.add(("webhook_deliveries", help), None, samples);
    let help = "Events that wait for an endpoint, of all instances; counted every 30 seconds";
    let waiting = Value::of(counts.backlog.waiting);
    families.one(("webhooks_waiting", help), None, waiting);
    let help = "Age of the oldest event that waits for an endpoint; 0 without one";
    let (name, now) = ("webhooks_oldest_waiting", services.clock.now());
    let age = Value::Number(counts.oldest_age(now));
    families.one((name, help), Some(Unit::Seconds), age);
}

fn add_states(families: &mut Families, services: &Services) {
    let lag = |lag: Option<Duration>| Value::Number(lag.map_or(f64::INFINITY, seconds));
    let (revocations, chain) = (&services.revocations, &services.audit_chain);
    let help = "Revocations in the cache of this instance";
    families.one(
        ("revocations", help),
        None,
        Value::of(revocations.entries()),
    );
    let help = "Age of the revocation cache; infinite if it was never filled";
    let age = lag(revocations.lag());
    families.one(("revocation_lag", help), Some(Unit::Seconds), age);
    let help = "1 if the audit chain is damaged, so that no further events are linked, otherwise 0";
    let is_broken = Value::of(u8::from(chain.known_error().is_some()));
    families.one(("audit_chain_broken", help), None, is_broken);
    let help = "Time since all audit events were linked; infinite if they never were";
    let age = lag(chain.lag());
    families.one(("audit_chain_lag", help), Some(Unit::Seconds), age);
    let help = "Lines of the log that standard output did not take";
    families.one(
        ("dropped_log_lines", help),
        None,
        Value::Count(dropped_lines()),
    );
    let spans = services.traces.as_ref().map(Tracer::counts);
    let spans = spans.unwrap_or_default();
    let spans = [
        ("exported", spans.exported),
        ("dropped", spans.dropped),
        ("failed", spans.failed),
    ];
    let spans = spans.map(|(outcome, count)| (label("outcome", outcome), Value::Count(count)));
    families.add(("trace_spans", "Spans of traces by outcome"), None, spans);
}

fn add_totals(families: &mut Families, totals: &Totals) {
    let help = "Sessions that have neither ended nor expired, in the whole database";
    families.one(("sessions", help), None, Value::of(totals.sessions));
    let accounts = [
        (UserType::User, totals.users),
        (UserType::Client, totals.clients),
    ];
    let accounts = accounts
        .map(|(user_type, count)| (label("user_type", user_type.as_str()), Value::of(count)));
    let help = "Active accounts, in the whole database";
    families.add(("accounts", help), None, accounts);
    let tokens = [
        ("outstanding", totals.outstanding),
        ("blacklisted", totals.blacklisted),
    ];
    let tokens = tokens.map(|(state, count)| (label("state", state), Value::of(count)));
    let help = "Refresh tokens that have not expired, in the whole database";
    families.add(("refresh_tokens", help), None, tokens);
    let size = Value::of(totals.database_size);
    families.one(
        ("database_size", "The size of the database"),
        Some(Unit::Bytes),
        size,
    );
}

fn add_backlog(families: &mut Families, figures: &DatabaseFigures, now: Timestamp) {
    let backlog = &figures.backlog;
    let samples = ExpiringTable::ALL.iter().map(|table| {
        let of_table = backlog.tables.iter().find(|(name, _)| name == table);
        let rows = of_table.map_or(0, |(_, count)| count.rows);
        (label("table", table.as_str()), Value::of(rows))
    });
    let help = "Expired rows that the next flush deletes, up to 10,000 of each table";
    families.add(("flush_backlog_rows", help), None, samples);
    let age = backlog
        .since
        .map_or(Duration::ZERO, |since| now.since(since));
    let help = "Time since the first of them could have been deleted";
    let (name, age) = ("flush_backlog_age", Value::Number(seconds(age)));
    families.one((name, help), Some(Unit::Seconds), age);
}

fn add_keys(families: &mut Families, services: &Services, figures: &DatabaseFigures) {
    // Keys from files have no row.
    if !services.config.tokens.keys.is_empty() {
        return;
    }
    let samples = KeyState::ALL.iter().map(|state| {
        let keys = figures.keys.iter().filter(|(of_key, _)| of_key == state);
        (label("state", state.as_str()), Value::of(keys.count()))
    });
    families.add(("signing_keys", "Signing keys by state"), None, samples);
    let active = figures
        .keys
        .iter()
        .find(|(state, _)| *state == KeyState::Active);
    let now = services.clock.now();
    let age = active.map(|(_, since)| Value::Number(seconds(now.since(*since))));
    let help = "Time since the active signing key began to sign";
    let age = age.map(|age| (Vec::new(), age));
    families.add(("signing_key_age", help), Some(Unit::Seconds), age);
}
