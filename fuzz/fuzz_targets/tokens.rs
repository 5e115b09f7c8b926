//! Gives libFuzzer the target `tokens`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::tokens(bytes));
