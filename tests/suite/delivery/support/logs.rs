//! Captures the log of the delivery tests, including trace lines of all crates.

use std::{
    cell::Cell,
    io::{self, Write},
    sync::{Mutex, OnceLock},
};

use tracing_subscriber::{
    Layer, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

static CAPTURE: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static INITIALIZED: OnceLock<()> = OnceLock::new();

thread_local! {
    /// Whether this thread is captured.
    static CAPTURED: Cell<bool> = const { Cell::new(false) };
}

#[derive(Clone, Copy)]
struct CaptureWriter;

impl Write for CaptureWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURE.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for CaptureWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

/// Captures the log of this thread from now on.
pub fn capture() {
    INITIALIZED.get_or_init(|| {
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(CaptureWriter)
            .with_filter(filter_fn(|_| CAPTURED.get()));
        tracing_subscriber::registry().with(layer).init();
    });
    CAPTURED.set(true);
}

/// The captured lines that contain `part`.
pub fn lines(part: &str) -> Vec<String> {
    String::from_utf8_lossy(&CAPTURE.lock().unwrap())
        .lines()
        .filter(|line| line.contains(part))
        .map(str::to_owned)
        .collect()
}

/// The only line of a request. Asserts that it does not contain unmasked addresses.
pub fn outcome(request_id: &str) -> String {
    let mut lines = lines(&format!("request_id=\"{request_id}\""));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.remove(0);
    // Without the timestamp, which may contain these digits.
    let text = line.split_once(' ').map_or("", |(_, text)| text);
    for hidden in ["ann.lee", "1234"] {
        assert!(!text.contains(hidden), "{line}");
    }
    line
}

/// Asserts that the log does not contain the code, neither as text nor as bytes.
pub fn assert_never_logged(code: &str) {
    let bytes = format!("{:?}", code.as_bytes());
    for form in [code, bytes.trim_matches(['[', ']'])] {
        assert_eq!(lines(form), Vec::<String>::new());
    }
}
