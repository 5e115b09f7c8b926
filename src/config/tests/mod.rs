//! Tests of the configuration as a whole: precedence, error messages, masking, `example.toml`. Single value types are
//! tested in their own files.

mod layering;
mod reading;
mod refusals;
mod showing;
mod support;
