//! Programs that the tests ask and that `tests/run` installs. Where one is missing its tests say so and pass, but not in
//! CI.

use std::path::{Path, PathBuf};

#[expect(
    clippy::disallowed_methods,
    reason = "where the tests' own programs are"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A program, or another file, by the variable that says where it is.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = variable(name).map(PathBuf::from);
    if found.is_none() {
        skip(&format!("{name} is not set; tests/run sets it"));
    }
    found
}

/// Says why something is not tested here. In CI everything is.
pub fn skip(reason: &str) {
    assert!(
        variable("CI").as_deref() != Some("true"),
        "not tested, in CI: {reason}"
    );
    println!("not tested: {reason}");
}

/// A Python that has the packages of `tests/python/requirements.txt`.
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
