//! The master key: its length, its randomness, where it is stored, the permissions of its file, and its age. No finding
//! contains any part of the key.

use std::time::Duration;

use crate::config::MIN_MASTER_KEY_BYTES;
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::{Inputs, days};
use crate::services::checklist::text::LocalizedText;
use crate::services::checklist::unknown::Unknown;
use crate::tokens::{KeyStrength, Weakness};

/// The age at which a key should be replaced.
const OLD: Duration = Duration::from_hours(24 * 365);

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let key = &inputs.key;
    vec![
        Unknown::or(Check::KeyLength, key, length),
        Unknown::or(Check::KeyStrength, key, strength),
        source(inputs),
        file(inputs),
        age(inputs),
    ]
}

fn length(key: &KeyStrength) -> Finding {
    let level = Level::Problem.when(key.bytes < MIN_MASTER_KEY_BYTES);
    let found = LocalizedText::new("key_length.found").with("bytes", key.bytes);
    let advice = LocalizedText::new("key_length.advice").with("least", MIN_MASTER_KEY_BYTES);
    Finding::new(Check::KeyLength, level, found, advice)
}

fn strength(key: &KeyStrength) -> Finding {
    let check = Check::KeyStrength;
    let found = match key.weakness {
        None => return Finding::ok(check, "key_strength.random"),
        Some(Weakness::FewBytes) => "key_strength.few_bytes",
        Some(Weakness::Repeats) => "key_strength.repeats",
        Some(Weakness::Counts) => "key_strength.counts",
        Some(Weakness::Example) => "key_strength.example",
        Some(Weakness::Words) => "key_strength.words",
    };
    Finding::new(check, Level::Problem, found, "key_strength.advice")
}

fn source(inputs: &Inputs) -> Finding {
    let check = Check::KeySource;
    if let Some(path) = inputs.config.master_key_file() {
        return Finding::ok(check, LocalizedText::value(path.display()));
    }
    let (found, advice) = ("key_source.configuration", "key_source.advice");
    Finding::new(check, Level::Advice, found, advice)
}

fn file(inputs: &Inputs) -> Finding {
    let check = Check::KeyFile;
    let Some(file) = &inputs.key_file else {
        return Finding::ok(check, "key_file.no_file");
    };
    Unknown::or(check, file, |file| {
        let level = Level::Problem.when(file.mode & 0o077 > 0);
        let found = LocalizedText::value(file.mode());
        let advice = LocalizedText::new("key_file.advice").with("path", file.path.display());
        Finding::new(check, level, found, advice)
    })
}

fn age(inputs: &Inputs) -> Finding {
    let check = Check::KeyAge;
    let Some(file) = &inputs.key_file else {
        let (found, advice) = ("key_age.not_known", "key_age.advice_not_known");
        return Finding::new(check, Level::Advice, found, advice);
    };
    Unknown::or(check, file, |file| {
        let age = inputs.now.since(file.modified);
        let found = LocalizedText::new("key_age.found").with("days", days(age));
        Finding::new(
            check,
            Level::Advice.when(age > OLD),
            found,
            "key_age.advice",
        )
    })
}
