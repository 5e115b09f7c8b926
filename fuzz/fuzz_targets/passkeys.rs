//! Runs the fuzz target `passkeys` with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::passkeys(bytes));
