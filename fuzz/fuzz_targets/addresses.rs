//! Gives libFuzzer the target `addresses`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::addresses(bytes));
