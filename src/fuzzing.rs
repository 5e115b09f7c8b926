//! The fuzz targets: the parsers of untrusted input, each with properties that must hold for any input. They are compiled only
//! for tests and for cargo-fuzz (`--cfg fuzzing`).
//!
//! A target is one function. `fuzz/fuzz_targets` passes it to libFuzzer. The test in this file runs it with the corpus of
//! libFuzzer (`fuzz/corpus`) and with mutations of it, which are the same in each run.

pub use crate::{
    config::fuzzing::configuration,
    domain::fuzzing::{fields, languages},
    http::fuzzing::{addresses, bodies, cookies, forms, queries},
    services::second_factors::webauthn::fuzzing::passkeys,
    tokens::fuzzing::tokens,
};

/// Parses some bytes and panics when a property does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also the name of its program and its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("addresses", addresses),
    ("bodies", bodies),
    ("configuration", configuration),
    ("cookies", cookies),
    ("fields", fields),
    ("forms", forms),
    ("languages", languages),
    ("passkeys", passkeys),
    ("queries", queries),
    ("tokens", tokens),
];

#[cfg(test)]
#[expect(dead_code, reason = "the test suite uses the rest")]
#[path = "../tests/suite/support/random.rs"]
mod random;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{random::Random, *};

    /// How many mutations of each file of the corpus are tried.
    const MUTATIONS: u64 = 120;

    fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{name} has no corpus"));
        let mut files: Vec<(String, Vec<u8>)> = entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// Prints the input when a target panics.
    struct Attempt<'a>(&'a str, &'a [u8]);

    impl Drop for Attempt<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("{}: b\"{}\"", self.0, self.1.escape_ascii());
            }
        }
    }

    fn attempt(name: &str, target: Target, bytes: &[u8]) {
        let attempt = Attempt(name, bytes);
        target(attempt.1);
    }

    /// A position in an input of this length, or its end.
    fn position(random: &mut Random, length: usize) -> usize {
        let positions = u64::try_from(length + 1).unwrap();
        usize::try_from(random.below(positions)).unwrap()
    }

    /// A mutation: single bytes are changed or inserted, ranges removed, doubled or taken from another file.
    fn mutated(random: &mut Random, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut mutated = bytes.to_vec();
        for _ in 0..=random.below(4) {
            let at = position(random, mutated.len());
            let end = (at + position(random, 16)).min(mutated.len());
            match random.below(5) {
                0 if at < mutated.len() => mutated[at] ^= 1 << random.below(8),
                1 => mutated.insert(at, random.number().to_le_bytes()[0]),
                2 => drop(mutated.drain(at..end)),
                3 => {
                    let run = mutated[at..end].to_vec();
                    mutated.splice(at..at, run);
                }
                _ => {
                    let from = position(random, other.len());
                    mutated.truncate(at);
                    mutated.extend_from_slice(&other[from..]);
                }
            }
        }
        mutated
    }

    #[test]
    fn every_target_holds_for_its_corpus_and_mutations_of_it() {
        let mut random = Random::new(7);
        for (name, target) in TARGETS {
            let files = corpus(name);
            assert!(files.len() >= 5, "{name}: {}", files.len());
            for (file, bytes) in &files {
                attempt(file, *target, bytes);
                for _ in 0..MUTATIONS {
                    let other = &files[position(&mut random, files.len() - 1)].1;
                    let bytes = mutated(&mut random, bytes, other);
                    attempt(name, *target, &bytes);
                }
            }
        }
    }

    #[test]
    fn every_target_has_a_program_and_a_corpus() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            let program = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
            assert!(
                program.contains(&format!("munjigi::fuzzing::{name}(")),
                "{name}"
            );
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
        for folder in ["fuzz_targets", "corpus"] {
            let count = fs::read_dir(fuzz.join(folder)).unwrap().count();
            assert_eq!(count, TARGETS.len(), "{folder}");
        }
    }
}
