//! Gives libFuzzer the target `bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| munjigi::fuzzing::bodies(bytes));
