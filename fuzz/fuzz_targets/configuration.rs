//! Runs the fuzz target `configuration` with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::configuration(bytes));
