//! `munjigi service`: the programs that check tokens and call each other, named by their `client_id`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::accounts::{argument, last_login, yes_or_no};
use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::principal::UserSeq;
use crate::domain::service::{Description, Scopes, ServiceName};
use crate::services::service::changes::{self, NewService, ServiceUpdate, WithSecret};
use crate::services::service::view::{self, Service};
use crate::services::{Error, Services};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Create a service and print its secret, which is shown only once
    Create {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        scopes: ScopeOptions,
        /// What the service is for, one line
        #[arg(long, value_name = "TEXT", value_parser = argument(Description::parse))]
        description: Option<Description>,
    },
    /// List the services; nothing is created or changed
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one service; nothing is created or changed
    Show(Named),
    /// Replace the scopes of a service; taking one away revokes its access tokens
    SetScopes {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        scopes: ScopeOptions,
    },
    /// Replace the secret of a service and print the new one; the old one and its access tokens are refused from now on
    RotateSecret(Named),
    /// Allow a service to authenticate again
    Activate(Named),
    /// Refuse the secret and the access tokens of a service from now on
    Deactivate(Named),
    /// Delete a service; its secret and its access tokens are refused from now on
    Delete(Named),
}

/// The name of a service.
#[derive(Args)]
pub(super) struct Named {
    /// The name of the service, which is its `client_id`
    #[arg(value_name = "NAME", value_parser = argument(ServiceName::parse))]
    name: ServiceName,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct ScopeOptions {
    /// A scope that its access tokens may have; may be repeated. Those that begin with `admin:` open the admin API
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

impl ScopeOptions {
    fn parse(&self) -> Result<Scopes, CliError> {
        let parse = argument(Scopes::parse);
        parse(&self.scopes.join(" "))
            .map_err(|problem| CliError::Refused(format!("--scope: {problem}")))
    }
}

/// What a verb changes.
enum Change {
    Scopes(Scopes),
    Active(bool),
}

const COLUMNS: [&str; 6] = [
    "number",
    "name",
    "scopes",
    "active",
    "last used",
    "description",
];

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Create {
            named,
            scopes,
            description,
        } => {
            let new = NewService {
                name: named.name,
                description: description.unwrap_or_default(),
                scopes: scopes.parse()?,
            };
            create(config, new, named.json).await
        }
        Verb::List { json } => list(&config, json).await,
        Verb::Show(named) => show(&config, named).await,
        Verb::SetScopes { named, scopes } => {
            let change = Change::Scopes(scopes.parse()?);
            update(config, named, change, "has these scopes now").await
        }
        Verb::RotateSecret(named) => rotate_secret(config, named).await,
        Verb::Activate(named) => update(config, named, Change::Active(true), "is active").await,
        Verb::Deactivate(named) => {
            let done = "is inactive, and its access tokens are revoked";
            update(config, named, Change::Active(false), done).await
        }
        Verb::Delete(named) => delete(config, named).await,
    }
}

async fn create(config: Config, new: NewService, json: bool) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let name = new.name.to_string();
    let created = changes::create(&services, &Actor::operator(), new).await;
    let created = created.map_err(|error| match error {
        Error::AlreadyExists { .. } => {
            CliError::Refused(format!("there is a service {name} already"))
        }
        error => error.into(),
    })?;
    bootstrap::link_events(&services).await;
    print_with_secret(&services, &created, json, "was created")
}

async fn list(config: &Config, json: bool) -> Result<ExitCode, CliError> {
    let store = bootstrap::read_only_store(config)?;
    let all = view::list(&store).await?;
    if json {
        return output::json(&all.iter().map(json_of).collect::<Vec<_>>());
    }
    output::table(&COLUMNS, &all.iter().map(cells).collect::<Vec<_>>())
}

async fn show(config: &Config, named: Named) -> Result<ExitCode, CliError> {
    let store = bootstrap::read_only_store(config)?;
    let name = named.name.to_string();
    let service = view::find_by_name(&store, name.clone()).await;
    let service = service.map_err(|error| missing(error, &name))?;
    if named.json {
        return output::json(&json_of(&service));
    }
    output::table(&COLUMNS, &[cells(&service)])
}

async fn update(
    config: Config,
    named: Named,
    change: Change,
    done: &str,
) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let (actor, number) = (Actor::operator(), number_of(&services, &named).await?);
    let service = match change {
        Change::Active(is_active) => {
            changes::set_active(&services, &actor, number, is_active).await
        }
        Change::Scopes(scopes) => {
            let update = ServiceUpdate {
                scopes: Some(scopes),
                ..ServiceUpdate::default()
            };
            changes::update(&services, &actor, number, update).await
        }
    }?;
    bootstrap::link_events(&services).await;
    if named.json {
        return output::json(&json_of(&service));
    }
    print_done(&services, &service, done)
}

async fn rotate_secret(config: Config, named: Named) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let number = number_of(&services, &named).await?;
    let rotated = changes::rotate_secret(&services, &Actor::operator(), number).await?;
    bootstrap::link_events(&services).await;
    print_with_secret(&services, &rotated, named.json, "has a new secret")
}

async fn delete(config: Config, named: Named) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let number = number_of(&services, &named).await?;
    let name = changes::delete(&services, &Actor::operator(), number).await?;
    bootstrap::link_events(&services).await;
    if named.json {
        return output::json(&json!({ "number": number, "name": name }));
    }
    let database = database_name(&services.config);
    output::line(&format!(
        "Service {number} {name} was deleted ({database})."
    ))
}

async fn number_of(services: &Services, named: &Named) -> Result<UserSeq, CliError> {
    let name = named.name.to_string();
    let found = view::find_by_name(&services.store, name.clone()).await;
    let service = found.map_err(|error| missing(error, &name))?;
    Ok(service.number)
}

fn missing(error: Error, name: &str) -> CliError {
    match error {
        Error::ServiceNotFound => CliError::Refused(format!("there is no service {name}")),
        error => error.into(),
    }
}

fn print_done(services: &Services, service: &Service, done: &str) -> Result<ExitCode, CliError> {
    let (number, name) = (service.number, &service.name);
    let database = database_name(&services.config);
    output::line(&format!("Service {number} {name} {done} ({database})."))
}

fn print_with_secret(
    services: &Services,
    created: &WithSecret,
    json: bool,
    done: &str,
) -> Result<ExitCode, CliError> {
    if json {
        let mut value = json_of(&created.service);
        value["secret"] = created.secret.as_str().into();
        return output::json(&value);
    }
    print_done(services, &created.service, done)?;
    output::line("Its secret, which is shown only now:")?;
    output::line(&created.secret)
}

fn cells(service: &Service) -> Vec<String> {
    vec![
        service.number.to_string(),
        service.name.clone(),
        service.scopes.to_string(),
        yes_or_no(service.is_active),
        last_login(service.last_used_at),
        service.description.clone(),
    ]
}

fn json_of(service: &Service) -> Value {
    json!({
        "number": service.number, "name": service.name, "description": service.description,
        "scopes": service.scopes.iter().collect::<Vec<_>>(), "is_active": service.is_active,
        "last_used_at": service.last_used_at, "created_at": service.created_at,
        "updated_at": service.updated_at,
    })
}
