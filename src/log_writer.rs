//! The log on its way to standard output: whole lines are collected in memory and written in batches by a thread of their
//! own, so that nobody who logs waits for the program that reads them.
//!
//! What is not written yet is lost when the process is killed. When the reader is too slow, lines are dropped and counted.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use memchr::memchr_iter;

/// How long lines are collected before they are written.
const COLLECT_FOR: Duration = Duration::from_millis(20);
/// So many bytes are written at once, without waiting for more.
const FULL_BATCH: usize = 64 * 1024;
/// How many bytes may wait. A further line is dropped.
const MAX_WAITING: usize = 8 * 1024 * 1024;
/// A buffer that a slow reader has made larger than this is not kept.
const MAX_KEPT: usize = 4 * FULL_BATCH;
/// How long the end of the process waits for the lines that are left.
const MAX_END: Duration = Duration::from_secs(5);

/// The writer of this process, and whether its lines are JSON.
static INSTALLED: OnceLock<(LogWriter, bool)> = OnceLock::new();

/// Collects lines and has them written. Clones share everything.
#[derive(Clone)]
pub struct LogWriter(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Lines have come or are a full batch, or the end has.
    changed: Condvar,
    /// The thread has ended.
    ended: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    is_closed: bool,
    has_ended: bool,
}

/// Has the lines that are left written when it is dropped.
#[must_use]
pub struct LogGuard(LogWriter);

impl Drop for LogGuard {
    fn drop(&mut self) {
        let shared = &self.0.0;
        shared.lock().is_closed = true;
        shared.changed.notify_one();
        let is_running = |waiting: &mut Waiting| !waiting.has_ended;
        let ended = shared
            .ended
            .wait_timeout_while(shared.lock(), MAX_END, is_running);
        drop(ended);
    }
}

impl LogWriter {
    /// Starts the thread that writes to `output`. `on_dropped` is called with the number of lines that were dropped, after
    /// lines could be written again.
    ///
    /// # Errors
    /// When the operating system cannot start a thread.
    pub fn start(
        output: impl Write + Send + 'static,
        on_dropped: impl Fn(u64) + Send + 'static,
    ) -> io::Result<(Self, LogGuard)> {
        let writer = Self(Arc::new(Shared {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            ended: Condvar::new(),
            dropped: AtomicU64::new(0),
        }));
        let shared = Arc::clone(&writer.0);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || shared.write_to(output, on_dropped))?;
        let guard = LogGuard(writer.clone());
        Ok((writer, guard))
    }

    /// Makes this the writer of the process. The first one stays.
    pub fn install(&self, is_json: bool) {
        let _ = INSTALLED.set((self.clone(), is_json));
    }

    /// The writer of this process, if its lines are JSON.
    #[must_use]
    pub fn of_json() -> Option<&'static Self> {
        let (writer, is_json) = INSTALLED.get()?;
        is_json.then_some(writer)
    }

    /// Adds a whole line, with its end.
    pub fn push(&self, line: &[u8]) {
        let mut waiting = self.0.lock();
        let before = waiting.lines.len();
        let after = before + line.len();
        if after > MAX_WAITING {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        // Waking a thread costs more than the rest, so it is woken twice in a batch and not for each line.
        if before == 0 || (before < FULL_BATCH && after >= FULL_BATCH) {
            self.0.changed.notify_one();
        }
    }

    /// How many lines were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

/// How many lines the writer of this process has dropped.
#[must_use]
pub fn dropped_lines() -> u64 {
    INSTALLED.get().map_or(0, |(writer, _)| writer.dropped())
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes batches until the end.
    fn write_to(&self, mut output: impl Write, on_dropped: impl Fn(u64)) {
        let (mut batch, mut reported) = (Vec::new(), 0);
        while self.take(&mut batch) {
            if output
                .write_all(&batch)
                .and_then(|()| output.flush())
                .is_err()
            {
                let lines = memchr_iter(b'\n', &batch).count();
                self.dropped.fetch_add(lines as u64, Ordering::Relaxed);
            } else {
                let dropped = self.dropped.load(Ordering::Relaxed);
                if dropped > reported {
                    on_dropped(dropped - reported);
                    reported = dropped;
                }
            }
        }
        self.lock().has_ended = true;
        self.ended.notify_all();
    }

    /// Waits for the next batch, and replaces the last one with it; `false` at the end.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        batch.clear();
        batch.shrink_to(MAX_KEPT);
        let is_empty = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.is_closed;
        let waiting = self.changed.wait_while(self.lock(), is_empty);
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let is_small =
            |waiting: &mut Waiting| waiting.lines.len() < FULL_BATCH && !waiting.is_closed;
        let waiting = self
            .changed
            .wait_timeout_while(waiting, COLLECT_FOR, is_small);
        let (mut waiting, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut waiting.lines, batch);
        !batch.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// An output whose reader takes one batch for each message that it is sent.
    struct Slow {
        permits: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Without a sender there is no more waiting.
            let _ = self.permits.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (SyncSender<()>, Arc<Mutex<Vec<u8>>>, Slow) {
        let (sender, permits) = sync_channel(1_000);
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let output = Slow {
            permits,
            written: Arc::clone(&written),
        };
        (sender, written, output)
    }

    #[test]
    fn lines_of_several_threads_are_written_whole_and_none_is_lost_at_the_end() {
        let (sender, written, output) = slow();
        drop(sender);
        let (writer, guard) = LogWriter::start(output, |_| {}).unwrap();
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let writer = writer.clone();
                thread::spawn(move || {
                    for line in 0..5_000 {
                        writer.push(format!("{thread} {line}\n").as_bytes());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        drop(guard);
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        for thread in 0..4 {
            let prefix = format!("{thread} ");
            let own = written
                .lines()
                .filter_map(|line| line.strip_prefix(&prefix));
            assert!(own.eq((0..5_000).map(|line| line.to_string())), "{thread}");
        }
        assert_eq!(written.lines().count(), 20_000);
        assert_eq!(writer.dropped(), 0);
    }

    #[test]
    fn lines_that_a_slow_reader_leaves_no_room_for_are_dropped_and_reported() {
        let (sender, written, output) = slow();
        let (reported, reports) = sync_channel(1_000);
        let on_dropped = move |count| reported.send(count).unwrap();
        let (writer, guard) = LogWriter::start(output, on_dropped).unwrap();
        let line = vec![b'x'; FULL_BATCH];
        let mut pushed = 0;
        while writer.dropped() < 3 {
            writer.push(&line);
            pushed += 1;
        }
        assert!(pushed < 2 * MAX_WAITING / FULL_BATCH + 5, "{pushed}");
        drop(sender);
        drop(guard);
        let mut dropped = 0;
        while let Ok(count) = reports.try_recv() {
            dropped += count;
        }
        assert_eq!(dropped, 3);
        let written = written.lock().unwrap().len();
        assert_eq!(written, (pushed - 3) * FULL_BATCH);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (writer, guard) = LogWriter::start(Closed, |_| {}).unwrap();
        writer.push(b"one\n");
        writer.push(b"two\n");
        drop(guard);
        assert_eq!(writer.dropped(), 2);
    }
}
