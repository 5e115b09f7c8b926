//! The configuration as a whole: precedence, error messages, masking, `example.toml`. Single value types are tested in
//! `src/config`.

mod delivery_refusals;
mod layering;
mod ranges;
mod reading;
mod refusals;
mod reload;
mod roles;
mod secret_files;
mod showing;
mod simplejwt;
mod support;
mod token_refusals;
mod traces;

use std::collections::BTreeSet;

use munjigi::config::EXAMPLE;

/// Every key of `example.toml`, as `section.key`.
pub fn keys_of_example() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut section = "";
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.strip_prefix("# ").and_then(|l| l.split_once(" = ")) {
            keys.insert(format!("{section}.{key}"));
        }
    }
    keys
}
