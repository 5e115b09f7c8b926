//! Everything that the threads of these tests log, down to the last trace line of the last crate, kept for looking at.

use std::{
    cell::Cell,
    io::{self, Write},
    sync::{Mutex, OnceLock},
};

use tracing_subscriber::{
    Layer, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static READY: OnceLock<()> = OnceLock::new();

thread_local! {
    /// The other tests of the suite log elsewhere: into nothing.
    static KEPT: Cell<bool> = const { Cell::new(false) };
}

#[derive(Clone, Copy)]
struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Keeper {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

/// Begins to keep what this thread logs.
pub fn capture() {
    READY.get_or_init(|| {
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(Keeper)
            .with_filter(filter_fn(|_| KEPT.get()));
        tracing_subscriber::registry().with(layer).init();
    });
    KEPT.set(true);
}

/// The lines that hold `part`.
pub fn lines(part: &str) -> Vec<String> {
    String::from_utf8_lossy(&WRITTEN.lock().unwrap())
        .lines()
        .filter(|line| line.contains(part))
        .map(str::to_owned)
        .collect()
}

/// The one outcome line of a request.
pub fn outcome(request_id: &str) -> String {
    let mut lines = lines(&format!("request_id=\"{request_id}\""));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.remove(0);
    // Without its time: that may well have these digits.
    let said = line.split_once(' ').map_or("", |(_, said)| said);
    for hidden in ["ann.lee", "1234"] {
        assert!(!said.contains(hidden), "{line}");
    }
    line
}

/// The code stands nowhere in the log, as itself or as its bytes.
pub fn assert_never_logged(code: &str) {
    let bytes = format!("{:?}", code.as_bytes());
    for form in [code, bytes.trim_matches(['[', ']'])] {
        assert_eq!(lines(form), Vec::<String>::new());
    }
}
