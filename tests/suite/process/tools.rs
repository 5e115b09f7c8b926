//! Programs that some tests need and `tests/run` installs. Where one is missing, its tests print that and pass, except in
//! CI.

use std::path::{Path, PathBuf};

#[expect(
    clippy::disallowed_methods,
    reason = "paths of programs that only the tests use"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The path of a program or file, from this environment variable.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = variable(name).map(PathBuf::from);
    if found.is_none() {
        skip(&format!("{name} is not set; tests/run sets it"));
    }
    found
}

/// Prints why something is not tested here. Fails in CI, where everything is tested.
pub fn skip(reason: &str) {
    assert!(
        variable("CI").as_deref() != Some("true"),
        "not tested, in CI: {reason}"
    );
    println!("not tested: {reason}");
}

/// A Python interpreter with the packages of `tests/python/requirements.txt`.
pub fn python() -> Option<PathBuf> {
    tool("MUNJIGI_TEST_PYTHON")
}

/// The diesel CLI.
pub fn diesel() -> Option<PathBuf> {
    tool("MUNJIGI_TEST_DIESEL")
}

/// A path in the repository.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
