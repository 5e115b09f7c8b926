//! The signing key: its length, whether it is a random one, where it is kept, who may read it, and its age. Nothing of the
//! key itself is told.

use std::time::Duration;

use crate::{
    services::checklist::{
        check::{Check, Level},
        finding::{Finding, LocalizedText},
        seen::{File, Seen, Unknown, days},
    },
    tokens::{KeyStrength, Weakness},
};

/// After so long a key should be replaced.
const OLD: Duration = Duration::from_hours(24 * 365);

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    let mut findings = of_bytes(seen);
    findings.extend([source(seen), file(seen), age(seen)]);
    findings
}

/// What the key's bytes tell, wherever they are from.
pub(super) fn of_bytes(seen: &Seen) -> Vec<Finding> {
    match &seen.key {
        Ok(key) => vec![length(seen, *key), strength(*key)],
        Err(unknown) => vec![
            unknown.finding(Check::KeyLength),
            unknown.finding(Check::KeyStrength),
        ],
    }
}

fn length(seen: &Seen, key: KeyStrength) -> Finding {
    let algorithm = seen.config.tokens.algorithm;
    let least = algorithm.min_key_bytes();
    let level = if key.bytes < least {
        Level::Problem
    } else {
        Level::Ok
    };
    let found = LocalizedText::new("key_length.found")
        .with("algorithm", algorithm.as_str())
        .with("bytes", key.bytes);
    let advice = LocalizedText::new("key_length.advice")
        .with("algorithm", algorithm.as_str())
        .with("least", least);
    Finding::new(Check::KeyLength, level, found, advice)
}

fn strength(key: KeyStrength) -> Finding {
    let check = Check::KeyStrength;
    let found = match key.weakness {
        None => return Finding::ok(check, LocalizedText::new("key_strength.random")),
        Some(Weakness::FewBytes) => "key_strength.few_bytes",
        Some(Weakness::Repeats) => "key_strength.repeats",
        Some(Weakness::Counts) => "key_strength.counts",
        Some(Weakness::Example) => "key_strength.example",
        Some(Weakness::Words) => "key_strength.words",
    };
    let advice = LocalizedText::new("key_strength.advice");
    Finding::new(check, Level::Problem, LocalizedText::new(found), advice)
}

fn source(seen: &Seen) -> Finding {
    let check = Check::KeySource;
    match seen.config.signing_key_file() {
        Some(path) => Finding::ok(check, LocalizedText::value(path.display())),
        None => Finding::new(
            check,
            Level::Advice,
            LocalizedText::new("key_source.configuration"),
            LocalizedText::new("key_source.advice"),
        ),
    }
}

fn file(seen: &Seen) -> Finding {
    let check = Check::KeyFile;
    let file = match &seen.key_file {
        None => return Finding::ok(check, LocalizedText::new("key_file.no_file")),
        Some(Err(unknown)) => return unknown.finding(check),
        Some(Ok(file)) => file,
    };
    let level = if file.mode & 0o077 > 0 {
        Level::Problem
    } else {
        Level::Ok
    };
    let advice = LocalizedText::new("key_file.advice").with("path", file.path.display());
    Finding::new(check, level, LocalizedText::value(file.mode()), advice)
}

fn age(seen: &Seen) -> Finding {
    let check = Check::KeyAge;
    match &seen.key_file {
        None => Finding::new(
            check,
            Level::Advice,
            LocalizedText::new("key_age.not_known"),
            LocalizedText::new("key_age.advice_not_known"),
        ),
        Some(Err(Unknown::NoKey(path))) => Unknown::NoKey(path.clone()).finding(check),
        Some(Err(unknown)) => unknown.finding(check),
        Some(Ok(File { modified, .. })) => {
            let age = seen.now.since(*modified);
            let level = if age > OLD { Level::Advice } else { Level::Ok };
            let found = LocalizedText::new("key_age.found").with("days", days(age));
            Finding::new(check, level, found, LocalizedText::new("key_age.advice"))
        }
    }
}
