//! Gives libFuzzer the target `queries`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::queries(bytes));
