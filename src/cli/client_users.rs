//! `munjigi client`: external clients, named by their username as they log in.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    cli::{
        CliError, bootstrap, output, password,
        users::{LIFTED, NOT_LOCKED, email, name, refusal},
    },
    config::Config,
    domain::{
        account::{Email, Name, Phone, Username},
        audit::Actor,
        language::Language,
        paging::Page,
        principal::Principal,
    },
    services::{
        Error, Services,
        accounts::{
            client_user_changes,
            client_users::{self, Client, ClientChanges, NewClient},
        },
        limits::locks,
    },
    store::client_users::ClientFilter,
};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a client; without a password it logs in by one-time code
    Create(Create),
    /// List the clients
    List {
        /// Only those whose username, name, address or telephone number has this part
        #[arg(long, value_name = "PART")]
        search: Option<String>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a client's password; all sessions of the account end
    SetPassword {
        #[command(flatten)]
        client: Named,
        /// Read the password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let a client log in again
    Activate(Named),
    /// Let a client log in no more; all sessions of the account end
    Deactivate(Named),
    /// Let a client try again that has to wait after too many tries
    Unlock(Named),
}

#[derive(Args)]
pub(super) struct Create {
    /// The name to log in by
    #[arg(long, value_name = "U", value_parser = username)]
    username: Username,
    /// What the client is called [default: the username]
    #[arg(long, value_name = "N", value_parser = name)]
    name: Option<Name>,
    /// Where codes go by mail
    #[arg(long, value_name = "E", value_parser = email)]
    email: Option<Email>,
    /// Where codes go by telephone
    #[arg(long, value_name = "P", value_parser = phone)]
    phone: Option<Phone>,
    /// Give it a password, read from standard input, one line
    #[arg(long)]
    password_stdin: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Named {
    /// The name the client logs in by
    #[arg(long, value_name = "U", value_parser = username)]
    username: Username,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

fn username(typed: &str) -> Result<Username, String> {
    Username::parse(typed).map_err(|problem| problem.message(Language::En).into_owned())
}

fn phone(typed: &str) -> Result<Phone, String> {
    Phone::parse(typed).map_err(|problem| problem.message(Language::En).into_owned())
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Create(arguments) => create(config, arguments).await,
        Verb::List { search, json } => list(&bootstrap::open(config)?, search, json).await,
        Verb::SetPassword {
            client,
            password_stdin,
        } => {
            let password = Some(Some(password::ask(password_stdin)?));
            let changes = ClientChanges {
                password,
                ..ClientChanges::default()
            };
            change(config, &client, changes, "has a new password").await
        }
        Verb::Activate(client) => {
            let changes = ClientChanges {
                is_active: Some(true),
                ..ClientChanges::default()
            };
            change(config, &client, changes, "is active").await
        }
        Verb::Unlock(client) => unlock(config, &client).await,
        Verb::Deactivate(client) => {
            let changes = ClientChanges {
                is_active: Some(false),
                ..ClientChanges::default()
            };
            change(
                config,
                &client,
                changes,
                "is inactive, and all sessions have ended",
            )
            .await
        }
    }
}

async fn create(config: Config, arguments: Create) -> Result<ExitCode, CliError> {
    let Create {
        username,
        name,
        email,
        phone,
        password_stdin,
        json,
    } = arguments;
    let password = if password_stdin {
        Some(password::ask(true)?)
    } else {
        None
    };
    let services = bootstrap::open(config)?;
    let new = NewClient {
        username,
        name,
        email,
        phone,
        password,
        is_active: true,
    };
    let client = client_user_changes::create(&services, &Actor::operator(), new)
        .await
        .map_err(refusal)?;
    bootstrap::seal(&services).await;
    answer(&client, json, "was created")
}

async fn list(
    services: &Services,
    search: Option<String>,
    json: bool,
) -> Result<ExitCode, CliError> {
    let filter = ClientFilter {
        search,
        ..ClientFilter::default()
    };
    let mut all = Vec::new();
    for number in 1.. {
        let page = Page::new(number, Page::MAX_SIZE);
        let found = client_users::list(services, filter.clone(), page)
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
    let dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|client| {
            let last = client
                .last_login_at
                .map_or_else(|| "never".to_owned(), |at| at.to_string());
            let active = if client.is_active { "yes" } else { "no" }.to_owned();
            let (email, phone) = (dash(&client.email), dash(&client.phone));
            vec![
                client.user_seq.to_string(),
                client.username.clone(),
                client.name.clone(),
                email,
                phone,
                active,
                last,
            ]
        })
        .collect();
    output::table(
        &[
            "user_seq",
            "username",
            "name",
            "email",
            "phone",
            "active",
            "last login",
        ],
        &rows,
    )
}

async fn change(
    config: Config,
    named: &Named,
    changes: ClientChanges,
    done: &str,
) -> Result<ExitCode, CliError> {
    let services = bootstrap::open(config)?;
    let client = find(&services, named).await?;
    let client =
        client_user_changes::update(&services, &Actor::operator(), client.user_seq, changes)
            .await
            .map_err(refusal)?;
    bootstrap::seal(&services).await;
    answer(&client, named.json, done)
}

async fn unlock(config: Config, named: &Named) -> Result<ExitCode, CliError> {
    let services = bootstrap::open(config)?;
    let client = find(&services, named).await?;
    let owner = Principal::client(client.user_seq);
    let lifted = locks::lift_account(&services, &Actor::operator(), owner)
        .await
        .map_err(refusal)?;
    bootstrap::seal(&services).await;
    let done = if lifted { LIFTED } else { NOT_LOCKED };
    answer(&client, named.json, done)
}

async fn find(services: &Services, named: &Named) -> Result<Client, CliError> {
    match client_users::find_by_username(services, &named.username).await {
        Err(Error::AccountNotFound(_)) => Err(CliError::Refused(format!(
            "there is no client {}",
            named.username.as_typed()
        ))),
        found => found.map_err(refusal),
    }
}

fn answer(client: &Client, json: bool, done: &str) -> Result<ExitCode, CliError> {
    if json {
        output::json(&view(client))
    } else {
        output::line(&format!(
            "Client {} {} {done}.",
            client.user_seq, client.username
        ))
    }
}

fn view(client: &Client) -> Value {
    json!({
        "user_seq": client.user_seq, "username": client.username, "name": client.name, "email": client.email,
        "phone": client.phone, "is_active": client.is_active, "last_login_at": client.last_login_at,
        "created_at": client.created_at, "updated_at": client.updated_at,
    })
}
