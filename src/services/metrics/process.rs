//! Figures of the process, named as the client libraries of Prometheus name them. On Linux only.

use std::{fs, time::Duration};

use prometheus_client::registry::Unit;
use rustix::param::{clock_ticks_per_second, page_size};

use crate::clock::Timestamp;
use crate::services::metrics::exposition::{Families, Value};

/// The fields of `/proc/self/stat` after the name (`proc_pid_stat(5)`), counted from `state`.
const UTIME: usize = 11;
const STIME: usize = 12;
const THREADS: usize = 17;
const VSIZE: usize = 20;
const RSS: usize = 21;

/// Adds what the system tells about this process, which began at this time.
pub(super) fn add(families: &mut Families, started_at: Timestamp) {
    let started = Duration::from_micros(u64::try_from(started_at.unix_micros()).unwrap_or(0));
    families.one(
        (
            "process_start_time",
            "When the process started, in Unix time",
        ),
        Some(Unit::Seconds),
        Value::Number(started.as_secs_f64()),
    );
    if let Some(stat) = Stat::read() {
        families.one(
            (
                "process_cpu",
                "Time on processors, of the user and the system",
            ),
            Some(Unit::Seconds),
            Value::Time(stat.cpu),
        );
        families.one(
            ("process_resident_memory", "Memory in RAM"),
            Some(Unit::Bytes),
            Value::of(stat.resident),
        );
        families.one(
            ("process_virtual_memory", "Memory in the address space"),
            Some(Unit::Bytes),
            Value::of(stat.virtual_memory),
        );
        families.one(
            ("process_threads", "Threads"),
            None,
            Value::of(stat.threads),
        );
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        families.one(
            ("process_open_fds", "Open file descriptors"),
            None,
            // One of them is that of the directory.
            Value::of(open.count().saturating_sub(1)),
        );
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        families.one(
            ("process_max_fds", "The limit of open file descriptors"),
            None,
            limit.map_or(Value::Number(f64::INFINITY), Value::of),
        );
    }
}

struct Stat {
    cpu: Duration,
    resident: u64,
    virtual_memory: u64,
    threads: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name is in brackets and may contain some.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let ticks = number(UTIME)? + number(STIME)?;
        Some(Self {
            cpu: Duration::from_micros(ticks * 1_000_000 / clock_ticks_per_second().max(1)),
            resident: number(RSS)? * page_size() as u64,
            virtual_memory: number(VSIZE)?,
            threads: number(THREADS)?,
        })
    }
}
