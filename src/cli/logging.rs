//! Where log lines go and how they look.

use std::io::{BufWriter, IsTerminal, stdout};

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts logging to standard output; what is returned must live until the last line is written.
///
/// Only munjigi's own lines follow `log.level`. The crates below it may say their warnings and no more: at a finer level
/// some of them print what they send, codes included. What is no HTTP is the sender's fault, and not an error of ours.
pub(super) fn start(config: &LogConfig) -> WorkerGuard {
    // Lines that come together are written together; the writer flushes as soon as none waits.
    let (writer, guard) = tracing_appender::non_blocking(BufWriter::new(stdout()));
    let filter = EnvFilter::new(format!(
        "warn,lettre=off,reqwest::connect=off,actix_http::h1::dispatcher=off,munjigi={}",
        config.level.as_str()
    ));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    let pretty = match config.format {
        LogFormat::Auto => stdout().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // A second start in one process (tests) keeps the first one's.
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
