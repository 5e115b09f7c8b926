//! `munjigi sessions`: ending sessions.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::accounts::argument;
use crate::cli::confirmation::confirm;
use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::config::Config;
use crate::domain::account::Username;
use crate::domain::audit::Actor;
use crate::domain::principal::Principal;
use crate::services::accounts::all_sessions::{self, LiveCounts};
use crate::services::accounts::{client_users, users};
use crate::services::auth::sessions::end_all_by_administrator;
use crate::services::{Error, Services};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// End all sessions, or those of one account: their tokens are refused from now on
    ///
    /// Sessions in the admin panel end as well, and refresh tokens of Django that were not exchanged yet are refused. The
    /// accounts log in again.
    End {
        #[command(flatten)]
        whose: Whose,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whose {
    /// The sessions of all accounts; asks first
    #[arg(long)]
    all: bool,
    /// The sessions of a user, by the e-mail address or username
    #[arg(long, value_name = "LOGIN")]
    user: Option<String>,
    /// The sessions of a client, by the username
    #[arg(long, value_name = "USERNAME", value_parser = argument(Username::parse))]
    client: Option<Username>,
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    let Verb::End { whose, yes, json } = verb;
    let services = load_keys::open(config).await?;
    let code = match account(&services, &whose).await? {
        Some((owner, name)) => end_of_account(&services, owner, &name, json).await?,
        None => end_all(&services, yes, json).await?,
    };
    bootstrap::link_events(&services).await;
    Ok(code)
}

/// The account, and its name in messages; `None` for all accounts.
async fn account(
    services: &Services,
    whose: &Whose,
) -> Result<Option<(Principal, String)>, CliError> {
    let (found, name) = match whose {
        Whose {
            user: Some(login), ..
        } => {
            let user = users::find_by_login(services, login).await;
            let owner = user.map(|user| Principal::user(user.user_seq));
            (owner, format!("user {login}"))
        }
        Whose {
            client: Some(username),
            ..
        } => {
            let client = client_users::find_by_username(services, username).await;
            let owner = client.map(|client| Principal::client(client.user_seq));
            (owner, format!("client {}", username.as_typed()))
        }
        Whose { .. } => return Ok(None),
    };
    match found {
        Ok(owner) => Ok(Some((owner, name))),
        Err(Error::AccountNotFound(_)) => Err(CliError::Refused(format!("there is no {name}"))),
        Err(error) => Err(error.into()),
    }
}

async fn end_of_account(
    services: &Services,
    owner: Principal,
    name: &str,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let ended = end_all_by_administrator(services, &Actor::operator(), owner).await?;
    if as_json {
        return output::json(&json!({"sessions": ended}));
    }
    output::line(&format!(
        "All sessions of {name} have ended, {ended} with tokens ({}).",
        database_name(&services.config)
    ))
}

async fn end_all(services: &Services, yes: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let live = all_sessions::count_live(&services.store, services.clock.now()).await?;
    if !yes {
        confirm(&format!(
            "End all sessions? {} end, and everyone logs in again.",
            counted(live)
        ))?;
    }
    let ended = all_sessions::end(services, &Actor::operator()).await?;
    if as_json {
        let LiveCounts {
            sessions,
            panel_sessions,
        } = ended;
        return output::json(&json!({"sessions": sessions, "panel_sessions": panel_sessions}));
    }
    output::line(&format!(
        "All sessions have ended: {} ({}).",
        counted(ended),
        database_name(&services.config)
    ))
}

/// The sessions in words.
pub(super) fn counted(live: LiveCounts) -> String {
    format!(
        "{} with tokens, {} in the admin panel",
        live.sessions, live.panel_sessions
    )
}
