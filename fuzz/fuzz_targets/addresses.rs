//! Runs the fuzz target `addresses` with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::addresses(bytes));
