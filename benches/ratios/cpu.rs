//! What a request costs: the rate of a load, and the CPU time that the server used for it. The machine is shared with the load
//! generator, so rates depend on what else runs; the CPU time of a request does so far less.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    Result,
    closed_loop::{Client, Run, run_for},
    server::Server,
    table::{Row, Target},
};

/// Above this share of one core the load generator may have been what limited the rate.
const BUSY: f64 = 0.95;

/// A load on a server.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Responses per second.
    pub rate: f64,
    /// CPU time of the server for one response, in microseconds.
    pub micros: f64,
    /// CPU time of the load generator, as a share of one core.
    pub generator: f64,
}

impl Sample {
    /// Measures a load, which this thread generates.
    pub fn take<C>(
        server: &Server,
        load: impl FnOnce() -> Result<Run<C>>,
    ) -> Result<(Self, Run<C>)> {
        let (used, generated) = (server.cpu_time()?, thread_cpu_time()?);
        let run = load()?;
        let used = server.cpu_time()?.saturating_sub(used);
        let generated = thread_cpu_time()?.saturating_sub(generated);
        let sample = Self {
            rate: run.rate(),
            micros: used.as_secs_f64() * 1e6 / f64::from(run.responses),
            generator: generated.as_secs_f64() / run.elapsed.as_secs_f64(),
        };
        Ok((sample, run))
    }

    /// Measures work of this thread: it repeats `work` for this time.
    pub fn of_loop(duration: Duration, mut work: impl FnMut() -> Result<()>) -> Result<Self> {
        let (start, used, mut times) = (Instant::now(), thread_cpu_time()?, 0_u32);
        while start.elapsed() < duration {
            work()?;
            times += 1;
        }
        let used = thread_cpu_time()?.saturating_sub(used);
        Ok(Self {
            rate: f64::from(times) / start.elapsed().as_secs_f64(),
            micros: used.as_secs_f64() * 1e6 / f64::from(times),
            generator: 0.0,
        })
    }

    /// Measures these clients for a time.
    pub fn of<C: Client>(server: &Server, clients: Vec<C>, duration: Duration) -> Result<Self> {
        let (sample, _) = Self::take(server, || run_for(server.address, clients, duration))?;
        Ok(sample)
    }
}

/// The rows of a figure: rates, and CPU times of a request. A third row says when the load generator was too slow.
pub fn rows(
    name: &str,
    subject: &[Sample],
    baseline: &[Sample],
    target: Target,
    target_of_cpu: Target,
) -> Vec<Row> {
    let all = |samples: &[Sample], value: fn(&Sample) -> f64| -> Vec<f64> {
        samples.iter().map(value).collect()
    };
    let pair = |value| (all(subject, value), all(baseline, value));
    let (rates, base_rates) = pair(|sample| sample.rate);
    let (micros, base_micros) = pair(|sample| sample.micros);
    let mut rows = vec![
        Row::ratio(name, "/s", &rates, &base_rates, target),
        Row::ratio(
            "… CPU time of a request",
            "µs",
            &micros,
            &base_micros,
            target_of_cpu,
        ),
    ];
    let (generator, of_baseline) = pair(|sample| sample.generator);
    let is_busy = |share: &f64| *share > BUSY;
    if generator.iter().chain(&of_baseline).any(is_busy) {
        let name = "… the load generator was the bottleneck: its CPU";
        rows.push(Row::ratio(
            name,
            "cores",
            &generator,
            &of_baseline,
            Target::None,
        ));
    }
    rows
}

/// The CPU time of all threads of a process that have not ended (Linux only).
pub fn process_cpu_time(id: u32) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        sum += cpu_time(&format!("{}/schedstat", thread?.path().display()))?;
    }
    Ok(sum)
}

/// The CPU time of this thread (Linux only).
pub fn thread_cpu_time() -> Result<Duration> {
    cpu_time("/proc/thread-self/schedstat")
}

/// The first number of such a file is the time on a core, in nanoseconds.
fn cpu_time(path: &str) -> Result<Duration> {
    let text = fs::read_to_string(path)?;
    let nanos = text.split(' ').next().unwrap_or_default();
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// The model of the CPU and the number of cores.
pub fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |wanted: &str| {
        let found = cpus.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == wanted).then(|| value.trim())
        });
        found.unwrap_or("unknown")
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{cores} cores of {} (family {}, model {})",
        value("model name"),
        value("cpu family"),
        value("model")
    )
}
