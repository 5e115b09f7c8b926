//! The key and the files: how long and how old the key is, and who can read it and the database.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Check, Finding, advice, ok, problem, unseen};
use crate::{
    clock::Timestamp,
    config::{Config, Database},
};

/// A key is worth another one after a year.
const OLD: Duration = Duration::from_hours(24 * 365);
/// Fewer different bytes than this are no random ones; 32 random letters and digits have about 24.
const FEW: usize = 12;

pub(super) fn check(config: &Config, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    match (&config.tokens.signing_key, config.signing_key_file()) {
        (Some(key), _) => {
            findings.push(strength(config, key.reveal().as_bytes()));
            findings.push(advice(Check::KeyFile, "setting"));
            findings.push(advice(Check::KeyAge, "unknown"));
        }
        (None, Some(file)) => findings.extend(key_file(config, &file, now)),
        // The configuration refuses this one.
        (None, None) => {}
    }
    if let Database::Sqlite(file) = config.database() {
        findings.extend(readers(Check::DatabaseFile, &file, "private", "open"));
    }
    findings
}

fn strength(config: &Config, key: &[u8]) -> Finding {
    let (algorithm, least) = (
        config.tokens.algorithm.as_str(),
        config.tokens.algorithm.min_key_bytes(),
    );
    let different = key.iter().collect::<HashSet<_>>().len();
    if key.len() < least {
        problem(Check::Key, "short").with(key.len()).and(least)
    } else if different < FEW {
        problem(Check::Key, "weak").with(different)
    } else {
        ok(Check::Key, "strong").with(key.len()).and(algorithm)
    }
}

fn key_file(config: &Config, file: &PathBuf, now: Timestamp) -> Vec<Finding> {
    let (content, about) = match (fs::read(file), fs::metadata(file)) {
        (Ok(content), Ok(about)) => (content, about),
        (Err(error), _) | (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return vec![advice(Check::Key, "none")];
        }
        (Err(error), _) | (_, Err(error)) => return vec![unseen(Check::Key, &error)],
    };
    let mut findings = vec![strength(config, content.trim_ascii())];
    findings.extend(readers(Check::KeyFile, file, "private", "open"));
    let written = about.modified().ok().map(|at| {
        let since = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH + since
    });
    findings.push(match written {
        Some(at) if now > at + OLD => advice(Check::KeyAge, "old").with(days(now.since(at))),
        Some(at) => ok(Check::KeyAge, "young").with(days(now.since(at))),
        None => advice(Check::KeyAge, "unknown"),
    });
    findings
}

fn days(span: Duration) -> u64 {
    span.as_secs() / (24 * 60 * 60)
}

/// Whether others than the owner can read a file, itself or because of its directory.
#[cfg(unix)]
fn readers(check: Check, file: &Path, good: &'static str, bad: &'static str) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).map(|about| about.permissions().mode());
    let of_file = match mode(file) {
        Ok(mode) => mode,
        // Before the first start.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(unseen(check, &error)),
    };
    // Whoever may not enter the directory does not come to the file.
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let of_directory = parent.and_then(|parent| mode(parent).ok()).unwrap_or(0o777);
    let others = of_file & 0o044 & ((of_directory & 0o011) << 2);
    let finding = Finding::new(
        check,
        if others == 0 {
            super::Status::Ok
        } else {
            super::Status::Problem
        },
        if others == 0 { good } else { bad },
    );
    Some(finding.with(file.display()))
}

#[cfg(not(unix))]
fn readers(_: Check, _: &Path, _: &'static str, _: &'static str) -> Option<Finding> {
    None
}
