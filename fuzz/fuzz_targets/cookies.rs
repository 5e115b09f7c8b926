//! Gives libFuzzer the target `cookies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::cookies(bytes));
