//! Gives libFuzzer the target `languages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::languages(bytes));
