//! The security checklist, alive: each rule that an operator can break, computed from the running configuration and data. A
//! check gives one [`Finding`] without a language; the doors tell it.
//!
//! A new check is a line in `check.rs`, a function in its group's file and its words in `locales/checklist.*.yml`; a new group is
//! a variant of [`Group`] and a file. A check that could not be made is a problem (ASVS 16.5.3). Nothing that is told is a secret.

pub mod administration;
pub mod check;
pub mod finding;
pub mod guessing;
pub mod key;
pub mod network;
pub mod postgres;
pub mod rows;
pub mod seen;
pub mod tokens;
pub mod upkeep;

#[cfg(test)]
mod tests;

use crate::{
    clock::Timestamp,
    services::{
        bootstrap::Services,
        checklist::{
            check::Level,
            finding::Finding,
            rows::{Question, Rows},
            seen::{DataFiles, Seen, Unknown, look_at_key_file},
        },
    },
    store::StoreError,
};

/// How many accounts of a population a page looks at: more would keep it waiting. The command line looks at all.
const PAGE_BOUND: i64 = 50_000;

/// All checks, in the order of [`Check::ALL`].
#[must_use]
pub fn findings(seen: &Seen) -> Vec<Finding> {
    [
        tokens::findings(&seen.config.tokens),
        key::findings(seen),
        network::findings(seen.config),
        guessing::findings(seen),
        administration::findings(seen),
        upkeep::findings(seen),
    ]
    .concat()
}

/// How many findings have this level.
#[must_use]
pub fn count(findings: &[Finding], level: Level) -> usize {
    let of_level = findings.iter().filter(|finding| finding.level == level);
    of_level.count()
}

/// What a running server finds of itself.
pub struct Checked {
    /// When it looked.
    pub at: Timestamp,
    /// One finding per check.
    pub findings: Vec<Finding>,
}

/// Makes all checks of the running server. What cannot be looked at is a finding too.
pub async fn of_server(services: &Services) -> Checked {
    let (config, at) = (&services.config, services.clock.now());
    let of_files = config.clone();
    let files = tokio::task::spawn_blocking(move || {
        (look_at_key_file(&of_files), DataFiles::look(&of_files))
    });
    let (key_file, data) = files.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the security checklist cannot look at the files");
        (
            Some(Err(Unknown::Logged)),
            DataFiles::unknown(&Unknown::Logged),
        )
    });
    let question = Question {
        clock: services.clock.clone(),
        audit_log: Ok(services.audit_log.clone()),
        bcrypt_cost: config.login.bcrypt_cost,
        bound: Some(PAGE_BOUND),
    };
    let rows = services
        .store
        .read_list(move |connection| Rows::ask(connection, &question, logged))
        .await
        .unwrap_or_else(|error| Rows::unknown(&logged(&error)));
    let seen = Seen {
        config,
        now: at,
        uptime: Some(services.dashboard.uptime(at)),
        key: Ok(services.tokens.key().strength()),
        key_file,
        data,
        rows,
    };
    let findings = findings(&seen);
    Checked { at, findings }
}

/// How many problems the settings and the key alone show: no file and no row is looked at for it.
#[must_use]
pub fn problems_of_settings(services: &Services) -> usize {
    let config = &services.config;
    let unasked = Unknown::Logged;
    let seen = Seen {
        config,
        now: services.clock.now(),
        uptime: None,
        key: Ok(services.tokens.key().strength()),
        key_file: None,
        data: DataFiles::default(),
        rows: Rows::unknown(&unasked),
    };
    let findings = [
        tokens::findings(&config.tokens),
        key::of_bytes(&seen),
        network::findings(config),
        vec![guessing::bcrypt_cost(&config.login)],
        guessing::of_settings(config),
        administration::of_settings(&config.admin),
    ]
    .concat();
    count(&findings, Level::Problem)
}

fn logged(error: &StoreError) -> Unknown {
    tracing::warn!(%error, "the security checklist cannot look into the database");
    Unknown::Logged
}
