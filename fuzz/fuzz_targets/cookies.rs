//! Runs the fuzz target `cookies` with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::cookies(bytes));
