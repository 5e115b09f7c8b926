//! Everything the process logs, down to the last trace line of the last crate, kept for looking at.

use std::{
    io::{self, Write},
    sync::{Mutex, OnceLock},
};

use tracing_subscriber::fmt::MakeWriter;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static READY: OnceLock<()> = OnceLock::new();

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

/// Begins to keep the log, once per process.
pub fn capture() {
    READY.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(Keeper)
            .init();
    });
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
    for hidden in ["ann.lee", "1234"] {
        assert!(!line.contains(hidden), "{line}");
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
