//! Property tests of the fields: an accepted value is stored as documented; a refused one is an error of its field and
//! changes nothing.
//!
//! The generated values are the same in each run. A value that failed is saved in `tests/regressions.txt` and is tested
//! first.

mod auth_fields;
mod expected;
mod forms;
mod people;
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

/// Tests a property with `cases` generated values. Panics with a minimal value for which the property fails.
fn check_property<V, S, P, F>(runtime: &Runtime, cases: u32, values: S, property: P)
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
    let result = TestRunner::new_with_rng(config, random).run(&values, |value| {
        runtime.block_on(property(value));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
