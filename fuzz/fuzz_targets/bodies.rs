//! Runs the fuzz target `bodies` with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::bodies(bytes));
