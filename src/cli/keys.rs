//! `munjigi keys`: the keys that sign tokens. No command prints a private part.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use crate::cli::confirmation::confirm;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::clock::{Clock, Timestamp};
use crate::config::{Algorithm, Config};
use crate::domain::audit::Actor;
use crate::domain::signing_key::KeyState;
use crate::services::Services;
use crate::services::signing_keys::changes::{self, Revoked};
use crate::services::signing_keys::list::{KeyInfo, list};
use crate::services::signing_keys::refusal::KeyRefusal;
use crate::services::signing_keys::rewrap;
use crate::tokens::SigningKey;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// List the keys, with the number of live sessions whose refresh token each has signed; nothing is changed
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key that is published, and that signs once it is promoted
    Generate {
        /// HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA [default: tokens.algorithm]
        #[arg(long)]
        algorithm: Option<Algorithm>,
    },
    /// Let a key sign; the one before is retired: it verifies until its last token has expired
    Promote {
        /// The key id, as `munjigi keys list` shows it
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Even if services that check tokens may not have fetched the key yet
        #[arg(long)]
        now: bool,
    },
    /// Withdraw a key that does not sign yet
    Retire {
        /// The key id, as `munjigi keys list` shows it
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Refuse the tokens of a key from now on, and log out everyone who has them
    ///
    /// Asks first. If the key is the active one, the oldest key in the state next signs instead; if there is none, a new one is
    /// made.
    Revoke {
        /// The key id, as `munjigi keys list` shows it
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Encrypt the keys under the present master key, and start the audit chain again with it, to end a change of the master
    /// key
    ///
    /// The old master key must be named in `server.previous_master_key_files` or `server.previous_master_keys`.
    Rewrap,
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    if let Verb::List { json } = verb {
        return run_list(&config, json).await;
    }
    let preferred = config.tokens.algorithm;
    let services = load_keys::open(config).await?;
    let code = match verb {
        Verb::List { json } => run_list(&services.config, json).await?,
        Verb::Generate { algorithm } => generate(&services, algorithm.unwrap_or(preferred)).await?,
        Verb::Promote { kid, now } => {
            changes::promote(&services, &Actor::operator(), &kid, now).await?;
            output::line(&format!("{kid} signs from now on"))?
        }
        Verb::Retire { kid } => {
            changes::retire(&services, &Actor::operator(), &kid).await?;
            output::line(&format!("{kid} will not sign"))?
        }
        Verb::Revoke { kid, yes } => revoke(&services, &kid, yes).await?,
        Verb::Rewrap => {
            let count = rewrap::rewrap(&services, &Actor::operator()).await?;
            output::line(&format!(
                "{} encrypted under the master key {}; the audit chain was started again with it",
                counted(count, "signing key was", "signing keys were"),
                services.master_keys.present.id()
            ))?
        }
    };
    bootstrap::link_events(&services).await;
    Ok(code)
}

async fn generate(services: &Services, algorithm: Algorithm) -> Result<ExitCode, CliError> {
    let kid = changes::generate(services, &Actor::operator(), algorithm).await?;
    let from = services.clock.now() + changes::lead(&services.config.tokens);
    output::line(&format!(
        "{kid} ({}) is published; `munjigi keys promote {kid}` lets it sign from {} on",
        algorithm.as_str(),
        from.whole_seconds()
    ))
}

async fn revoke(services: &Services, kid: &str, yes: bool) -> Result<ExitCode, CliError> {
    let keys = list(&services.store, services.clock.now()).await?;
    let key = keys.iter().find(|key| key.kid == kid);
    let key = key.ok_or_else(|| CliError::refused(KeyRefusal::NotFound(kid.to_owned())))?;
    if !yes {
        let logged_out = usize::try_from(key.sessions).unwrap_or(usize::MAX);
        confirm(&format!(
            "Revoke {kid}? {} logged out.",
            counted(logged_out, "session is", "sessions are")
        ))?;
    }
    let revoked = changes::revoke_to_end(services, &Actor::operator(), kid).await?;
    let Revoked {
        successor,
        sessions,
        ..
    } = revoked;
    let sessions = usize::try_from(sessions).unwrap_or(usize::MAX);
    let signs = successor.map_or_else(String::new, |kid| format!("; {kid} signs from now on"));
    output::line(&format!(
        "{kid} is revoked, and {} logged out{signs}",
        counted(sessions, "session was", "sessions were")
    ))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

async fn run_list(config: &Config, json: bool) -> Result<ExitCode, CliError> {
    if !config.tokens.keys.is_empty() {
        return list_files(config, json);
    }
    let store = bootstrap::read_only_store(config)?;
    let keys = list(&store, Clock::System.now()).await?;
    if json {
        return output::json(&keys);
    }
    let rows: Vec<Vec<String>> = keys.iter().map(cells).collect();
    output::table(
        &["KEY", "ALGORITHM", "STATE", "SINCE", "SESSIONS", "UNTIL"],
        &rows,
    )
}

fn cells(key: &KeyInfo) -> Vec<String> {
    let since = match key.state {
        KeyState::Next => Some(key.published_at),
        KeyState::Active => key.activated_at,
        KeyState::Retired => key.retired_at,
        KeyState::Revoked => key.revoked_at,
    };
    let time =
        |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.whole_seconds().to_string());
    vec![
        key.kid.clone(),
        key.algorithm.clone(),
        key.state.to_string(),
        time(since),
        key.sessions.to_string(),
        time(key.expires_at),
    ]
}

/// The keys of `tokens.keys`: the first signs.
fn list_files(config: &Config, json: bool) -> Result<ExitCode, CliError> {
    let mut rows = Vec::new();
    for file in &config.tokens.keys {
        let key = SigningKey::from_file(file, config.tokens.algorithm);
        let key = key.map_err(CliError::refused)?;
        let state = if rows.is_empty() { "active" } else { "retired" };
        rows.push([
            key.id().to_owned(),
            key.algorithm().as_str().to_owned(),
            state.to_owned(),
            file.display().to_string(),
        ]);
    }
    if json {
        let keys = rows.iter().map(|[kid, algorithm, state, file]| {
            json!({"kid": kid, "algorithm": algorithm, "state": state, "file": file})
        });
        return output::json(&keys.collect::<Vec<_>>());
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
    output::table(&["KEY", "ALGORITHM", "STATE", "FILE"], &rows)
}
