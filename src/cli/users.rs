//! `munjigi user`: internal users, named by their e-mail address as they log in.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    cli::{CliError, bootstrap, output, password},
    config::Config,
    domain::{
        account::{Email, Name, Role},
        audit::Actor,
        language::Language,
        paging::Page,
        principal::Principal,
    },
    services::{
        Error, Services,
        accounts::{
            user_changes,
            users::{self, NewUser, User, UserChanges},
        },
        limits::locks,
    },
    store::users::UserFilter,
};

/// What is told of an account whose lock was lifted, and of one that had none.
pub(super) const LIFTED: &str = "is not locked any more";
pub(super) const NOT_LOCKED: &str = "was not locked";

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a user
    Create(Create),
    /// List the users
    List {
        /// Only those whose address or name has this part
        #[arg(long, value_name = "PART")]
        search: Option<String>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a user's password; all sessions of the account end
    SetPassword {
        #[command(flatten)]
        user: Named,
        /// Read the password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let a user log in again
    Activate(Named),
    /// Let a user log in no more; all sessions of the account end
    Deactivate(Named),
    /// Let a user try again who has to wait after too many tries
    Unlock(Named),
}

#[derive(Args)]
pub(super) struct Create {
    /// The address to log in by
    #[arg(long, value_name = "E", value_parser = email)]
    email: Email,
    /// What the user is called
    #[arg(long, value_name = "N", value_parser = name)]
    name: Name,
    /// What the user may do: admin, auditor or staff
    #[arg(long, value_name = "R", default_value = "staff")]
    role: Role,
    /// Read the password from standard input, one line
    #[arg(long)]
    password_stdin: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Named {
    /// The address the user logs in by
    #[arg(long, value_name = "E", value_parser = email)]
    email: Email,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn email(typed: &str) -> Result<Email, String> {
    Email::parse(typed).map_err(|problem| problem.message(Language::En).into_owned())
}

pub(super) fn name(typed: &str) -> Result<Name, String> {
    Name::parse(typed).map_err(|problem| problem.message(Language::En).into_owned())
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Create(arguments) => create(config, arguments).await,
        Verb::List { search, json } => list(&bootstrap::open(config)?, search, json).await,
        Verb::SetPassword {
            user,
            password_stdin,
        } => {
            let password = Some(password::ask(password_stdin)?);
            change(
                config,
                &user,
                UserChanges {
                    password,
                    ..UserChanges::default()
                },
                "has a new password",
            )
            .await
        }
        Verb::Activate(user) => {
            let changes = UserChanges {
                is_active: Some(true),
                ..UserChanges::default()
            };
            change(config, &user, changes, "is active").await
        }
        Verb::Deactivate(user) => {
            let changes = UserChanges {
                is_active: Some(false),
                ..UserChanges::default()
            };
            change(
                config,
                &user,
                changes,
                "is inactive, and all sessions have ended",
            )
            .await
        }
        Verb::Unlock(user) => unlock(config, &user).await,
    }
}

async fn create(config: Config, arguments: Create) -> Result<ExitCode, CliError> {
    let Create {
        email,
        name,
        role,
        password_stdin,
        json,
    } = arguments;
    let password = Some(password::ask(password_stdin)?);
    let services = bootstrap::open(config)?;
    let new = NewUser {
        email,
        name,
        role,
        password,
        is_active: true,
    };
    let user = user_changes::create(&services, &Actor::operator(), new)
        .await
        .map_err(refusal)?;
    bootstrap::seal(&services).await;
    answer(
        &user,
        json,
        &format!("was created, with the role {}", user.role),
    )
}

async fn list(
    services: &Services,
    search: Option<String>,
    json: bool,
) -> Result<ExitCode, CliError> {
    let filter = UserFilter {
        search,
        ..UserFilter::default()
    };
    let mut all = Vec::new();
    for number in 1.. {
        let page = Page::new(number, Page::MAX_SIZE);
        let found = users::list(services, filter.clone(), page)
            .await
            .map_err(refusal)?;
        all.extend(found.items);
        if number >= page.pages(found.total) {
            break;
        }
    }
    if json {
        return output::json(&all.iter().map(view).collect::<Vec<_>>());
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|user| {
            let last = user
                .last_login_at
                .map_or_else(|| "never".to_owned(), |at| at.to_string());
            let active = if user.is_active { "yes" } else { "no" };
            vec![
                user.user_seq.to_string(),
                user.email.clone(),
                user.name.clone(),
                user.role.to_string(),
                active.into(),
                last,
            ]
        })
        .collect();
    output::table(
        &["user_seq", "email", "name", "role", "active", "last login"],
        &rows,
    )
}

async fn change(
    config: Config,
    named: &Named,
    changes: UserChanges,
    done: &str,
) -> Result<ExitCode, CliError> {
    let services = bootstrap::open(config)?;
    let user = find(&services, named).await?;
    let user = user_changes::update(&services, &Actor::operator(), user.user_seq, changes)
        .await
        .map_err(refusal)?;
    bootstrap::seal(&services).await;
    answer(&user, named.json, done)
}

async fn unlock(config: Config, named: &Named) -> Result<ExitCode, CliError> {
    let services = bootstrap::open(config)?;
    let user = find(&services, named).await?;
    let owner = Principal::user(user.user_seq);
    let lifted = locks::lift_account(&services, &Actor::operator(), owner)
        .await
        .map_err(refusal)?;
    bootstrap::seal(&services).await;
    answer(&user, named.json, if lifted { LIFTED } else { NOT_LOCKED })
}

async fn find(services: &Services, named: &Named) -> Result<User, CliError> {
    match users::find_by_email(services, &named.email).await {
        Err(Error::AccountNotFound(_)) => Err(CliError::Refused(format!(
            "there is no user {}",
            named.email.as_typed()
        ))),
        found => found.map_err(refusal),
    }
}

fn answer(user: &User, json: bool, done: &str) -> Result<ExitCode, CliError> {
    if json {
        output::json(&view(user))
    } else {
        output::line(&format!("User {} {} {done}.", user.user_seq, user.email))
    }
}

fn view(user: &User) -> Value {
    json!({
        "user_seq": user.user_seq, "email": user.email, "name": user.name, "role": user.role,
        "is_active": user.is_active, "last_login_at": user.last_login_at,
        "created_at": user.created_at, "updated_at": user.updated_at,
    })
}

/// What the services refused, in a sentence for the one at the terminal.
pub(super) fn refusal(error: Error) -> CliError {
    match error {
        Error::Invalid(problems) => {
            let sentences: Vec<String> = problems
                .iter()
                .flat_map(|(field, problems)| {
                    problems
                        .iter()
                        .map(move |problem| format!("{field}: {}", problem.message(Language::En)))
                })
                .collect();
            CliError::Refused(sentences.join("\n"))
        }
        error => CliError::refused(error),
    }
}
