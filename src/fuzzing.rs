//! What is tried with bytes that nobody chose: the readers of input that strangers send, each with what must hold whatever
//! comes. It is compiled for tests and for cargo-fuzz (`--cfg fuzzing`) alone, so nothing of it is in the program.
//!
//! A target is one function. `fuzz/fuzz_targets` gives it to libFuzzer, and the test here what libFuzzer found worth keeping
//! (`fuzz/corpus`) with the same changes to it each time.

pub use crate::{
    config::fuzzing::configuration,
    domain::fuzzing::{fields, languages},
    http::fuzzing::{addresses, bodies, cookies, forms, queries},
    tokens::fuzzing::tokens,
};

/// Tries some bytes, and panics where what must hold does not.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its program and its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("addresses", addresses),
    ("bodies", bodies),
    ("configuration", configuration),
    ("cookies", cookies),
    ("fields", fields),
    ("forms", forms),
    ("languages", languages),
    ("queries", queries),
    ("tokens", tokens),
];

#[cfg(test)]
#[expect(dead_code, reason = "the suite uses the rest of it")]
#[path = "../tests/suite/support/random.rs"]
mod random;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{random::Random, *};

    /// How often each file of the corpus is tried with changes.
    const CHANGES: u64 = 120;

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

    /// What is tried, to be told should it panic.
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

    /// A place in so many bytes, or behind them.
    fn place(random: &mut Random, length: usize) -> usize {
        let places = u64::try_from(length + 1).unwrap();
        usize::try_from(random.below(places)).unwrap()
    }

    /// A few changes: of single bytes, of runs that go, come twice or come from another file.
    fn changed(random: &mut Random, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        for _ in 0..=random.below(4) {
            let at = place(random, changed.len());
            let end = (at + place(random, 16)).min(changed.len());
            match random.below(5) {
                0 if at < changed.len() => changed[at] ^= 1 << random.below(8),
                1 => changed.insert(at, random.number().to_le_bytes()[0]),
                2 => drop(changed.drain(at..end)),
                3 => {
                    let run = changed[at..end].to_vec();
                    changed.splice(at..at, run);
                }
                _ => {
                    let from = place(random, other.len());
                    changed.truncate(at);
                    changed.extend_from_slice(&other[from..]);
                }
            }
        }
        changed
    }

    #[test]
    fn every_target_holds_for_its_corpus_and_for_what_is_made_of_it() {
        let mut random = Random::new(7);
        for (name, target) in TARGETS {
            let files = corpus(name);
            assert!(files.len() >= 5, "{name}: {}", files.len());
            for (file, bytes) in &files {
                attempt(file, *target, bytes);
                for _ in 0..CHANGES {
                    let other = &files[place(&mut random, files.len() - 1)].1;
                    let bytes = changed(&mut random, bytes, other);
                    attempt(name, *target, &bytes);
                }
            }
        }
    }

    #[test]
    fn every_target_has_its_program_and_every_program_its_target() {
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
            let there = fs::read_dir(fuzz.join(folder)).unwrap().count();
            assert_eq!(there, TARGETS.len(), "{folder}");
        }
    }
}
