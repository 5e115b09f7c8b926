//! Gives libFuzzer the target `fields`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::fields(bytes));
