//! The log: its destination, level and format.

use std::io::{self, IsTerminal, stdout};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    fmt,
    layer::{Layered, SubscriberExt},
    reload,
    util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat, LogLevel};
use crate::log_writer::{LogGuard, LogWriter};

/// What writes the lines.
type Format = Box<dyn Layer<Registry> + Send + Sync>;

/// The log. Lines are written until it is dropped.
pub(super) struct Log {
    _guard: LogGuard,
    level: LogLevelHandle,
}

impl Log {
    /// What changes its level.
    pub(super) fn level(&self) -> LogLevelHandle {
        self.level.clone()
    }
}

/// Changes the level of the log.
#[derive(Clone)]
pub(super) struct LogLevelHandle(reload::Handle<Targets, Layered<Format, Registry>>);

impl LogLevelHandle {
    /// Sets `log.level`.
    pub(super) fn set(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::warn!(%error, "the level of the log cannot be changed");
        }
    }
}

/// Starts logging to standard output.
///
/// `log.level` applies to munjigi's own lines only, and to the audit events (target `audit`). Dependencies log warnings at
/// most: below that some of them print what they send, one-time codes included. Malformed HTTP requests are the client's
/// error and are not logged.
///
/// # Errors
/// When the operating system cannot start a thread.
pub(super) fn start(config: &LogConfig) -> io::Result<Log> {
    let (writer, guard) = LogWriter::start(stdout(), |lines| {
        tracing::warn!(
            lines,
            "lines of the log were dropped: standard output did not take them fast enough"
        );
    })?;
    let lines = writer.clone();
    let format = fmt::layer().with_writer(move || Line(lines.clone()));
    let pretty = match config.format {
        LogFormat::Auto => stdout().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let format: Format = if pretty {
        let colours = stdout().is_terminal();
        format
            .with_ansi(colours)
            .with_target(false)
            .compact()
            .boxed()
    } else {
        let format = format.json().flatten_event(true);
        format
            .with_current_span(false)
            .with_span_list(false)
            .boxed()
    };
    let (filter, level) = reload::Layer::new(filter(config.level));
    // A second call in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry()
        .with(format)
        .with(filter)
        .try_init();
    writer.install(!pretty);
    Ok(Log {
        _guard: guard,
        level: LogLevelHandle(level),
    })
}

fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("lettre", LevelFilter::OFF)
        .with_target("reqwest::connect", LevelFilter::OFF)
        .with_target("actix_http::h1::dispatcher", LevelFilter::OFF)
        .with_target("munjigi", level)
        .with_target("audit", level)
}

/// One line of `tracing`, which writes it at once.
struct Line(LogWriter);

impl io::Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
