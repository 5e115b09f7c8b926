//! `munjigi client`: external clients, named by the username that they log in with.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::accounts::{self, Account, Login, argument};
use crate::cli::error::CliError;
use crate::cli::invitation::{Invitation, open_for};
use crate::cli::{bootstrap, password};
use crate::config::Config;
use crate::domain::account::{Email, ExternalId, Name, Phone, Username};
use crate::domain::audit::Actor;
use crate::domain::principal::{Principal, UserType};
use crate::services::accounts::client_user_changes;
use crate::services::accounts::client_users::{Client, NewClient};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Create a client; without a password it logs in with one-time codes
    Create(Create),
    #[command(flatten)]
    Shared(accounts::Verb<ByUsername>),
}

#[derive(Args)]
pub(super) struct Create {
    /// The name to log in with
    #[arg(long, value_name = "USERNAME", value_parser = argument(Username::parse))]
    username: Username,
    /// The id in another system
    #[arg(long, value_name = "ID", value_parser = argument(ExternalId::parse))]
    external_id: Option<ExternalId>,
    /// The client's name [default: the username]
    #[arg(long, value_name = "NAME", value_parser = argument(Name::parse))]
    name: Option<Name>,
    /// The e-mail address that one-time codes are sent to
    #[arg(long, value_name = "EMAIL", value_parser = argument(Email::parse))]
    email: Option<Email>,
    /// The phone number that one-time codes are sent to
    #[arg(long, value_name = "PHONE", value_parser = argument(Phone::parse))]
    phone: Option<Phone>,
    /// Set a password, read from standard input, one line
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    invitation: Invitation,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct ByUsername {
    /// The name that the client logs in with
    #[arg(long, value_name = "USERNAME", value_parser = argument(Username::parse))]
    username: Username,
}

impl From<ByUsername> for Login {
    fn from(named: ByUsername) -> Self {
        Self::Client(named.username)
    }
}

const COLUMNS: [&str; 7] = [
    "user_seq",
    "username",
    "name",
    "email",
    "phone",
    "active",
    "last login",
];

impl From<Client> for Account {
    fn from(client: Client) -> Self {
        Self {
            principal: Principal::client(client.user_seq),
            cells: vec![
                client.user_seq.to_string(),
                client.username.clone(),
                client.name.clone(),
                accounts::address(client.email.as_ref(), client.email_verified),
                accounts::or_dash(client.phone.as_ref()),
                accounts::yes_or_no(client.is_active),
                accounts::last_login(client.last_login_at),
            ],
            json: json!({
                "user_seq": client.user_seq, "username": client.username,
                "external_id": client.external_id, "name": client.name,
                "email": client.email, "email_verified": client.email_verified, "phone": client.phone,
                "is_active": client.is_active, "claims": client.claims,
                "last_login_at": client.last_login_at, "created_at": client.created_at,
                "updated_at": client.updated_at,
            }),
            login: client.username,
        }
    }
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Create(options) => Box::pin(create(config, options)).await,
        Verb::Shared(verb) => {
            Box::pin(accounts::run(config, UserType::Client, &COLUMNS, verb)).await
        }
    }
}

async fn create(config: Config, options: Create) -> Result<ExitCode, CliError> {
    let password = options.password_stdin.then(|| password::ask(true));
    let password = password.transpose()?;
    let services = open_for(config, &options.invitation).await?;
    options
        .invitation
        .check(&services, options.email.is_some())?;
    let new = NewClient {
        username: options.username,
        external_id: options.external_id,
        name: options.name,
        email: options.email,
        phone: options.phone,
        password,
        is_active: true,
        claims: None,
        email_verified: true,
    };
    let client = client_user_changes::create(&services, &Actor::operator(), new).await?;
    bootstrap::link_events(&services).await;
    options
        .invitation
        .finish(
            &services,
            Account::from(client),
            options.json,
            "was created",
        )
        .await
}
