//! Properties of the configuration parser, for fuzzing. See `src/fuzzing.rs`.

use crate::config::error::Checks;
use crate::config::layers::Layers;
use crate::config::sections::read;

/// A text read as a configuration file either gives a configuration that prints as valid TOML, or an error message.
///
/// # Panics
/// If the property is violated.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (mut checks, mut layers) = (Checks::default(), Layers::default());
    layers.add_file("munjigi.toml", text, &mut checks);
    let config = read(&mut layers, &mut checks);
    let result = checks
        .finish()
        .and_then(|()| config.validate())
        .map_err(|error| error.to_string());
    match result {
        Ok(()) => assert!(config.to_toml().parse::<toml::Table>().is_ok()),
        Err(message) => assert!(!message.trim().is_empty()),
    }
}
