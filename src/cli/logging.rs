//! The log: its destination, level and format.

use std::io::{BufWriter, IsTerminal, stdout};

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts logging to standard output. Lines are written until the guard is dropped.
///
/// `log.level` applies to munjigi's own lines only, and to the audit events (target `audit`). Dependencies log warnings at
/// most: below that some of them print what they send, one-time codes included. Malformed HTTP requests are the client's
/// error and are not logged.
pub(super) fn start(config: &LogConfig) -> WorkerGuard {
    // Lines are written in batches; the writer flushes when its queue is empty.
    let (writer, guard) = tracing_appender::non_blocking(BufWriter::new(stdout()));
    let level = config.level.as_str();
    let filter = EnvFilter::new(format!(
        "warn,lettre=off,reqwest::connect=off,actix_http::h1::dispatcher=off,munjigi={level},audit={level}"
    ));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    let pretty = match config.format {
        LogFormat::Auto => stdout().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // A second call in one process (tests) keeps the first subscriber.
    if pretty {
        let _ = subscriber
            .with_ansi(stdout().is_terminal())
            .with_target(false)
            .compact()
            .try_init();
    } else {
        let _ = subscriber
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init();
    }
    guard
}
