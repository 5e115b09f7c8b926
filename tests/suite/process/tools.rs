//! Programs that some tests need. `tests/run` installs them and runs these tests, which a plain `cargo test` ignores.

use std::path::{Path, PathBuf};

#[expect(
    clippy::disallowed_methods,
    reason = "paths of programs that only the tests use"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The path of a program or file, from this environment variable.
pub fn tool(name: &str) -> PathBuf {
    let found = variable(name).map(PathBuf::from);
    found.unwrap_or_else(|| panic!("{name} is not set: run this test with tests/run"))
}

/// A Python interpreter with the packages of `tests/python/requirements.txt`.
pub fn python() -> PathBuf {
    tool("MUNJIGI_TEST_PYTHON")
}

/// Node.
pub fn node() -> PathBuf {
    tool("MUNJIGI_TEST_NODE")
}

/// The tool of Prometheus that checks metrics and rules.
pub fn promtool() -> PathBuf {
    tool("MUNJIGI_TEST_PROMTOOL")
}

/// The diesel CLI.
pub fn diesel() -> PathBuf {
    tool("MUNJIGI_TEST_DIESEL")
}

/// A path in the repository.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
