//! `munjigi user`: internal users, named by the e-mail address that they log in with.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::accounts::{self, Account, Login, argument};
use crate::cli::error::CliError;
use crate::cli::{bootstrap, password};
use crate::config::Config;
use crate::domain::account::{Email, Name, Role};
use crate::domain::audit::Actor;
use crate::domain::principal::{Principal, UserType};
use crate::services::accounts::user_changes;
use crate::services::accounts::users::{NewUser, User};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Create a user
    Create(Create),
    #[command(flatten)]
    Shared(accounts::Verb<ByEmail>),
}

#[derive(Args)]
pub(super) struct Create {
    /// The e-mail address to log in with
    #[arg(long, value_name = "EMAIL", value_parser = argument(Email::parse))]
    email: Email,
    /// The user's name
    #[arg(long, value_name = "NAME", value_parser = argument(Name::parse))]
    name: Name,
    /// The role: admin, auditor or staff
    #[arg(long, value_name = "ROLE", default_value = "staff")]
    role: Role,
    /// Read the password from standard input, one line
    #[arg(long)]
    password_stdin: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct ByEmail {
    /// The e-mail address that the user logs in with
    #[arg(long, value_name = "EMAIL", value_parser = argument(Email::parse))]
    email: Email,
}

impl From<ByEmail> for Login {
    fn from(named: ByEmail) -> Self {
        Self::User(named.email)
    }
}

const COLUMNS: [&str; 6] = ["user_seq", "email", "name", "role", "active", "last login"];

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            principal: Principal::user(user.user_seq),
            cells: vec![
                user.user_seq.to_string(),
                user.email.clone(),
                user.name.clone(),
                user.role.to_string(),
                accounts::yes_or_no(user.is_active),
                accounts::last_login(user.last_login_at),
            ],
            json: json!({
                "user_seq": user.user_seq, "email": user.email, "name": user.name, "role": user.role,
                "is_active": user.is_active, "last_login_at": user.last_login_at,
                "created_at": user.created_at, "updated_at": user.updated_at,
            }),
            login: user.email,
        }
    }
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Create(options) => create(config, options).await,
        Verb::Shared(verb) => accounts::run(config, UserType::User, &COLUMNS, verb).await,
    }
}

async fn create(config: Config, options: Create) -> Result<ExitCode, CliError> {
    let password = password::ask(options.password_stdin)?;
    let services = bootstrap::open(config)?;
    let new = NewUser {
        email: options.email,
        name: options.name,
        role: options.role,
        password: Some(password),
        is_active: true,
    };
    let user = user_changes::create(&services, &Actor::operator(), new).await?;
    bootstrap::link_events(&services).await;
    let done = format!("was created, with the role {}", user.role);
    Account::from(user).print(&services, options.json, &done)
}
