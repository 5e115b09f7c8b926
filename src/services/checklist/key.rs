//! The signing key: its length, its randomness, where it is stored, the permissions of its file, and its age. No finding
//! contains any part of the key.

use std::time::Duration;

use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::files::FileInfo;
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::{Inputs, days};
use crate::services::checklist::text::LocalizedText;
use crate::services::checklist::unknown::Unknown;
use crate::tokens::{KeyStrength, Weakness};

/// The age at which a key should be replaced.
const OLD: Duration = Duration::from_hours(24 * 365);

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let mut findings = of_bytes(inputs);
    findings.extend([source(inputs), file(inputs), age(inputs)]);
    findings
}

/// The findings about the bytes of the key.
pub(super) fn of_bytes(inputs: &Inputs) -> Vec<Finding> {
    match &inputs.key {
        Ok(key) => vec![length(inputs, *key), strength(*key)],
        Err(unknown) => vec![
            unknown.finding(Check::KeyLength),
            unknown.finding(Check::KeyStrength),
        ],
    }
}

fn length(inputs: &Inputs, key: KeyStrength) -> Finding {
    let algorithm = inputs.config.tokens.algorithm;
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

fn source(inputs: &Inputs) -> Finding {
    let check = Check::KeySource;
    match inputs.config.signing_key_file() {
        Some(path) => Finding::ok(check, LocalizedText::value(path.display())),
        None => Finding::new(
            check,
            Level::Advice,
            LocalizedText::new("key_source.configuration"),
            LocalizedText::new("key_source.advice"),
        ),
    }
}

fn file(inputs: &Inputs) -> Finding {
    let check = Check::KeyFile;
    let file = match &inputs.key_file {
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

fn age(inputs: &Inputs) -> Finding {
    let check = Check::KeyAge;
    match &inputs.key_file {
        None => Finding::new(
            check,
            Level::Advice,
            LocalizedText::new("key_age.not_known"),
            LocalizedText::new("key_age.advice_not_known"),
        ),
        Some(Err(Unknown::NoKey(path))) => Unknown::NoKey(path.clone()).finding(check),
        Some(Err(unknown)) => unknown.finding(check),
        Some(Ok(FileInfo { modified, .. })) => {
            let age = inputs.now.since(*modified);
            let level = if age > OLD { Level::Advice } else { Level::Ok };
            let found = LocalizedText::new("key_age.found").with("days", days(age));
            Finding::new(check, level, found, LocalizedText::new("key_age.advice"))
        }
    }
}
