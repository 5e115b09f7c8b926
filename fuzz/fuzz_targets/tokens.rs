//! Runs the fuzz target `tokens` with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::tokens(bytes));
