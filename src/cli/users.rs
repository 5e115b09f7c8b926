//! `munjigi user`: internal users, named by the e-mail address or the username that they log in with.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::accounts::{self, Account, Login, argument};
use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::invitation::{Invitation, open_for};
use crate::cli::{bootstrap, load_keys, output, password};
use crate::config::Config;
use crate::domain::account::{Email, ExternalId, Name, Role, Username};
use crate::domain::audit::Actor;
use crate::domain::language::Language;
use crate::domain::principal::{Principal, UserType};
use crate::services::accounts::role_renaming::rename_role;
use crate::services::accounts::user_changes;
use crate::services::accounts::users::{NewUser, User};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Create a user
    Create(Create),
    /// Give all users of a role another one, for example after a role was renamed in the configuration
    ///
    /// Access tokens with the old role end; refresh tokens go on.
    RenameRole {
        /// The role until now, which need not be configured
        #[arg(value_name = "OLD", value_parser = argument(Role::parse))]
        old: Role,
        /// The new role
        #[arg(value_name = "NEW", value_parser = argument(Role::parse))]
        new: Role,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Shared(accounts::Verb<ByLogin>),
}

#[derive(Args)]
pub(super) struct Create {
    /// The e-mail address to log in with; it or a username is required
    #[arg(long, value_name = "EMAIL", required_unless_present = "username", value_parser = argument(Email::parse))]
    email: Option<Email>,
    /// The username to log in with, beside or instead of the e-mail address
    #[arg(long, value_name = "USERNAME", value_parser = argument(Username::parse))]
    username: Option<Username>,
    /// The id in another system
    #[arg(long, value_name = "ID", value_parser = argument(ExternalId::parse))]
    external_id: Option<ExternalId>,
    /// The user's name
    #[arg(long, value_name = "NAME", value_parser = argument(Name::parse))]
    name: Name,
    /// A role of the configuration [default: staff, or the one with the fewest rights if there is no such role]
    #[arg(long, value_name = "ROLE", value_parser = argument(Role::parse))]
    role: Option<Role>,
    /// Read the password from standard input, one line
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    invitation: Invitation,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct ByLogin {
    /// The e-mail address that the user logs in with
    #[arg(long, value_name = "EMAIL", value_parser = argument(Email::parse))]
    email: Option<Email>,
    /// The username that the user logs in with
    #[arg(long, value_name = "USERNAME", value_parser = argument(Username::parse))]
    username: Option<Username>,
}

impl From<ByLogin> for Login {
    fn from(named: ByLogin) -> Self {
        let email = named.email.as_ref().map(Email::as_typed);
        let name = email.or(named.username.as_ref().map(Username::as_typed));
        Self::User(name.unwrap_or_default().to_owned())
    }
}

const COLUMNS: [&str; 7] = [
    "user_seq",
    "email",
    "username",
    "name",
    "role",
    "active",
    "last login",
];

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            principal: Principal::user(user.user_seq),
            cells: vec![
                user.user_seq.to_string(),
                accounts::address(user.email.as_ref(), user.email_verified),
                accounts::or_dash(user.username.as_ref()),
                user.name.clone(),
                user.role.to_string(),
                accounts::yes_or_no(user.is_active),
                accounts::last_login(user.last_login_at),
            ],
            json: json!({
                "user_seq": user.user_seq, "email": user.email, "email_verified": user.email_verified,
                "username": user.username,
                "external_id": user.external_id, "name": user.name, "role": user.role,
                "is_active": user.is_active, "claims": user.claims, "last_login_at": user.last_login_at,
                "created_at": user.created_at, "updated_at": user.updated_at,
            }),
            login: user.email.or(user.username).unwrap_or_default(),
        }
    }
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Create(options) => Box::pin(create(config, options)).await,
        Verb::RenameRole { old, new, json } => rename(config, &old, &new, json).await,
        Verb::Shared(verb) => Box::pin(accounts::run(config, UserType::User, &COLUMNS, verb)).await,
    }
}

async fn rename(config: Config, old: &Role, new: &Role, json: bool) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let changed = rename_role(&services, old, new).await?;
    bootstrap::link_events(&services).await;
    if json {
        return output::json(&json!({"changed": changed}));
    }
    let database = database_name(&services.config);
    output::line(&format!(
        "{changed} users with the role {old} have the role {new} now ({database})."
    ))
}

async fn create(config: Config, options: Create) -> Result<ExitCode, CliError> {
    let checked = options
        .role
        .as_ref()
        .map(|role| config.roles.check_role(role));
    if let Some(Err(problem)) = checked {
        let message = problem.message(Language::En);
        return Err(CliError::Usage(format!("--role: {message}")));
    }
    let is_linked = options.invitation.handover().is_some();
    let password = (!is_linked).then(|| password::ask(options.password_stdin));
    let password = password.transpose()?;
    let services = open_for(config, &options.invitation).await?;
    options
        .invitation
        .check(&services, options.email.is_some())?;
    let new = NewUser {
        email: options.email,
        username: options.username,
        external_id: options.external_id,
        name: options.name,
        role: options
            .role
            .unwrap_or_else(|| services.roles.default_role()),
        password,
        is_active: true,
        claims: None,
        email_verified: true,
    };
    let user = user_changes::create(&services, &Actor::operator(), new).await?;
    bootstrap::link_events(&services).await;
    let done = format!("was created, with the role {}", user.role);
    options
        .invitation
        .finish(&services, Account::from(user), options.json, &done)
        .await
}
