//! What must hold of every text that is read as a configuration file. See `src/fuzzing.rs`.

use crate::config::{Layers, error::Checks, read};

/// A text as a file: it is taken, and then can be shown as TOML, or each problem is told in a sentence.
///
/// # Panics
/// Where that does not hold.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (mut checks, mut layers) = (Checks::default(), Layers::default());
    layers.add_file("munjigi.toml", text, &mut checks);
    let config = read(&mut layers, &mut checks);
    let refused = checks
        .finish()
        .and_then(|()| config.validate())
        .map_err(|error| error.to_string());
    match refused {
        Ok(()) => assert!(config.to_toml().parse::<toml::Table>().is_ok()),
        Err(told) => assert!(!told.trim().is_empty()),
    }
}
