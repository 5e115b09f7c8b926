//! The security checklist: checks of the running configuration and its data. Each check gives one [`Finding`], which the
//! interfaces translate.
//!
//! A new check needs a line in `check.rs`, a function in the file of its group, and texts in `locales/checklist.*.yml`; a new
//! group needs a variant of [`check::Group`] and a file. A check of the database is named in `Check::needs_database`. A check
//! that cannot be made is a problem (ASVS 16.5.3). Findings contain no secrets.

pub mod administration;
pub mod check;
pub mod files;
pub mod finding;
pub mod guessing;
pub mod inputs;
pub mod key;
pub mod network;
pub mod postgres;
pub mod rows;
pub mod text;
pub mod tokens;
pub mod unknown;
pub mod upkeep;

#[cfg(test)]
mod tests;

use crate::clock::Timestamp;
use crate::services::bootstrap::Services;
use crate::services::checklist::check::Level;
use crate::services::checklist::files::{DataFiles, key_file};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::Inputs;
use crate::services::checklist::rows::{ReadOptions, Rows};
use crate::services::checklist::unknown::Unknown;
use crate::store::StoreError;

/// How many accounts of each population a page reads, to limit its response time. The CLI reads all.
const PAGE_BOUND: i64 = 50_000;

/// All checks, in the order of `Check::ALL`.
#[must_use]
pub fn findings(inputs: &Inputs) -> Vec<Finding> {
    [
        tokens::findings(inputs.config),
        key::findings(inputs),
        network::findings(inputs),
        guessing::findings(inputs),
        administration::findings(inputs),
        upkeep::findings(inputs),
    ]
    .concat()
}

/// The number of findings with this level.
#[must_use]
pub fn count(findings: &[Finding], level: Level) -> usize {
    let of_level = findings.iter().filter(|finding| finding.level == level);
    of_level.count()
}

/// The findings about the running server.
pub struct Checked {
    /// The time of the checks.
    pub at: Timestamp,
    /// One finding for each check.
    pub findings: Vec<Finding>,
}

/// Makes all checks of the running server. Inputs that cannot be read give findings too.
pub async fn of_server(services: &Services) -> Checked {
    let current = services.current.load_full();
    let (config, at) = (&*current, services.clock.now());
    let of_files = config.clone();
    let files =
        tokio::task::spawn_blocking(move || (key_file(&of_files), DataFiles::read(&of_files)));
    let (key_file, data) = files.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the security checklist cannot read the files");
        let mut files = DataFiles::default();
        files.unreadable.push(Unknown::Logged);
        (Some(Err(Unknown::Logged)), files)
    });
    let options = ReadOptions {
        clock: services.clock.clone(),
        master_keys: Ok(services.master_keys.clone()),
        audit_chain: Ok(services.audit_chain.clone()),
        roles: config.roles.clone(),
        rotation_policy: config.tokens.rotation_policy(),
        bcrypt_cost: config.login.bcrypt_cost,
        bound: Some(PAGE_BOUND),
    };
    let logged = |error: StoreError| {
        tracing::warn!(%error, "the security checklist cannot read the database");
        Unknown::Logged
    };
    let rows = services
        .store
        .read_list(move |connection| Rows::read(connection, &options, logged))
        .await
        .unwrap_or_else(|error| Rows::unknown(&logged(error)));
    let inputs = Inputs {
        config,
        now: at,
        uptime: Some(services.dashboard.uptime(at)),
        ignored_proxy: services.ignored_proxies.first(),
        key: Ok(services.master_keys.present.strength()),
        django_key: Ok(services.tokens.django_key_length()),
        key_file,
        data,
        rows,
    };
    let findings = findings(&inputs);
    Checked { at, findings }
}

/// The number of problems that the configuration and the key show, without reading a file or the database.
#[must_use]
pub fn problems_of_settings(services: &Services) -> usize {
    let inputs = Inputs {
        config: &services.current.load(),
        now: services.clock.now(),
        uptime: None,
        ignored_proxy: services.ignored_proxies.first(),
        key: Ok(services.master_keys.present.strength()),
        django_key: Ok(services.tokens.django_key_length()),
        key_file: None,
        data: DataFiles::default(),
        rows: Rows::unknown(&Unknown::Logged),
    };
    let mut findings = findings(&inputs);
    findings.retain(|finding| !finding.check.needs_database());
    count(&findings, Level::Problem)
}
