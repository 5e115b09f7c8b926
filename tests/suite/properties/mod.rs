//! What holds of every value that a field may be sent, tried with values that nobody chose: what is accepted is stored exactly
//! as it is promised, what is refused names its field and changes nothing.
//!
//! The values are the same each time. One that failed is kept in `tests/regressions.txt` and tried first from then on.

mod doors;
mod forms;
mod people;
mod promises;
mod queries;
mod values;

use std::future::Future;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestRng, TestRunner},
};
use tokio::runtime::{Builder, Runtime};

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/regressions.txt");

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Tries a property with so many values; it panics where it does not hold.
fn hold<V, S, P, F>(runtime: &Runtime, cases: u32, values: S, property: P)
where
    V: std::fmt::Debug,
    S: Strategy<Value = V>,
    P: Fn(V) -> F,
    F: Future<Output = ()>,
{
    let config = Config {
        cases,
        max_shrink_iters: 500,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS))),
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let tried = TestRunner::new_with_rng(config, random).run(&values, |value| {
        runtime.block_on(property(value));
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}
