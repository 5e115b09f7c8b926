//! The requests by route, method and status, with the times that they took.
//!
//! Each worker adds to its own counters, without a lock: cores that add to the same one would wait for each other. They are
//! summed up when the metrics are asked for.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use foldhash::fast::RandomState;

use crate::histogram::{Histogram, Snapshot};
use crate::services::mutex::lock;

/// The requests of all workers.
#[derive(Debug, Default)]
pub struct Requests {
    series: Mutex<Vec<Arc<Series>>>,
}

/// The requests of one worker.
#[derive(Debug, Default)]
pub struct WorkerRequests {
    routes: RefCell<HashMap<String, Vec<Arc<Series>>, RandomState>>,
}

/// The requests of one worker to one route, by one method, with one status.
#[derive(Debug)]
struct Series {
    route: String,
    method: &'static str,
    status: u16,
    times: Histogram,
}

/// The requests to one route by one method.
#[derive(Debug, Default)]
pub(super) struct OfRoute {
    /// Their number by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// How long they took, in microseconds.
    pub(super) times: Snapshot,
}

impl WorkerRequests {
    /// Counts a request. `route` is a pattern and not a path, so that there is a bounded number of them.
    pub fn record(
        &self,
        all: &Requests,
        (route, method, status): (&str, &'static str, u16),
        took: Duration,
    ) {
        let mut routes = self.routes.borrow_mut();
        let is_same = |one: &&Arc<Series>| one.status == status && one.method == method;
        let known = routes.get(route);
        if let Some(series) = known.and_then(|of_route| of_route.iter().find(is_same)) {
            series.times.add_time(took);
            return;
        }
        let series = all.add(route, method, status);
        series.times.add_time(took);
        routes.entry(route.to_owned()).or_default().push(series);
    }
}

impl Requests {
    fn add(&self, route: &str, method: &'static str, status: u16) -> Arc<Series> {
        let series = Arc::new(Series {
            route: route.to_owned(),
            method,
            status,
            times: Histogram::of_times(),
        });
        lock(&self.series).push(Arc::clone(&series));
        series
    }

    /// The requests of all workers, by route and method.
    pub(super) fn by_route(&self) -> BTreeMap<(String, &'static str), OfRoute> {
        let mut routes = BTreeMap::<_, OfRoute>::new();
        for series in lock(&self.series).iter() {
            let of_route = routes
                .entry((series.route.clone(), series.method))
                .or_default();
            let times = series.times.snapshot();
            *of_route.statuses.entry(series.status).or_default() += times.count();
            of_route.times.merge(&times);
        }
        routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_all_workers_are_summed_up() {
        let all = Requests::default();
        let workers = [WorkerRequests::default(), WorkerRequests::default()];
        for (worker, status) in [(0, 200), (1, 200), (1, 200), (1, 404)] {
            let took = Duration::from_millis(7);
            workers[worker].record(&all, ("/api/me", "GET", status), took);
        }
        workers[0].record(&all, ("/api/me", "HEAD", 200), Duration::ZERO);
        let routes = all.by_route();
        let of = |method| &routes[&("/api/me".to_owned(), method)];
        assert_eq!(of("GET").statuses, BTreeMap::from([(200, 3), (404, 1)]));
        assert_eq!((of("GET").times.count(), of("GET").times.sum), (4, 28_000));
        assert_eq!(of("HEAD").statuses, BTreeMap::from([(200, 1)]));
        assert_eq!(routes.len(), 2);
    }
}
