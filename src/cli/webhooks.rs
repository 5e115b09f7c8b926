//! `munjigi webhooks`: the endpoints that events are sent to, named by their names.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::accounts::{argument, yes_or_no};
use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::principal::UserSeq;
use crate::domain::service::ServiceName;
use crate::domain::webhook::{EndpointUrl, EventType, EventTypes};
use crate::services::webhooks::changes::{self, NewEndpoint, WithSecret};
use crate::services::webhooks::deliveries;
use crate::services::webhooks::endpoints::{self, Endpoint, Listed};
use crate::services::{Error, Services};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// List the endpoints with the events that wait for them; nothing is created or changed
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Create an endpoint and print its secret, which is shown only once
    Create {
        #[command(flatten)]
        named: Named,
        /// The address, https
        #[arg(value_name = "URL", value_parser = argument(EndpointUrl::parse))]
        url: EndpointUrl,
        /// A type of events that it gets; may be repeated, without it all types
        #[arg(long = "event", value_name = "TYPE", value_parser = event_type)]
        events: Vec<EventType>,
    },
    /// Give an endpoint a new secret and print it; for 24 hours events are signed with the previous one too
    RotateSecret(Named),
    /// Send events to an endpoint again
    Activate(Named),
    /// Send nothing more to an endpoint: what is waiting is kept, new events are not for it
    Deactivate(Named),
    /// Delete an endpoint and the events for it
    Delete(Named),
    /// Send events again that were not accepted for a day: all of an endpoint, or one
    Resend {
        #[command(flatten)]
        named: Named,
        /// The number of one event, as the panel shows it; it may have been delivered
        #[arg(long, value_name = "NUMBER")]
        delivery: Option<i64>,
    },
}

/// The name of an endpoint.
#[derive(Args)]
pub(super) struct Named {
    /// The name of the endpoint
    #[arg(value_name = "NAME", value_parser = argument(ServiceName::parse))]
    name: ServiceName,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn event_type(typed: &str) -> Result<EventType, String> {
    let known = EventType::selectable().find(|kind| kind.as_str() == typed);
    known.ok_or_else(|| {
        let names: Vec<&str> = EventType::selectable().map(EventType::as_str).collect();
        format!("not one of: {}", names.join(", "))
    })
}

const COLUMNS: [&str; 7] = [
    "number", "name", "active", "waiting", "dead", "url", "events",
];

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::List { json } => list(&config, json).await,
        Verb::Create { named, url, events } => {
            let names = events.iter().map(|kind| kind.as_str());
            let new = NewEndpoint {
                name: named.name,
                url,
                events: EventTypes::parse(names).unwrap_or_else(|_| EventTypes::all()),
            };
            create(config, new, named.json).await
        }
        Verb::RotateSecret(named) => rotate_secret(config, named).await,
        Verb::Activate(named) => set_active(config, named, true).await,
        Verb::Deactivate(named) => set_active(config, named, false).await,
        Verb::Delete(named) => delete(config, named).await,
        Verb::Resend { named, delivery } => resend(config, named, delivery).await,
    }
}

async fn list(config: &Config, json: bool) -> Result<ExitCode, CliError> {
    let store = bootstrap::read_only_store(config)?;
    let all = endpoints::list(&store).await?;
    if json {
        let values: Vec<Value> = all.iter().map(json_of_listed).collect();
        return output::json(&values);
    }
    output::table(&COLUMNS, &all.iter().map(cells).collect::<Vec<_>>())
}

async fn create(config: Config, new: NewEndpoint, json: bool) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let name = new.name.to_string();
    let created = changes::create(&services, &Actor::operator(), new).await;
    let created = created.map_err(|error| match error {
        Error::AlreadyExists { .. } => {
            CliError::Refused(format!("there is an endpoint {name} already"))
        }
        error => error.into(),
    })?;
    bootstrap::link_events(&services).await;
    print_with_secret(&services, &created, json, "was created")
}

async fn rotate_secret(config: Config, named: Named) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let number = number_of(&services, &named).await?;
    let rotated = changes::rotate_secret(&services, &Actor::operator(), number).await?;
    bootstrap::link_events(&services).await;
    let done = "has a new secret; for 24 hours events are signed with the previous one too";
    print_with_secret(&services, &rotated, named.json, done)
}

async fn set_active(config: Config, named: Named, is_active: bool) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let number = number_of(&services, &named).await?;
    let endpoint = changes::set_active(&services, &Actor::operator(), number, is_active).await?;
    bootstrap::link_events(&services).await;
    if named.json {
        return output::json(&json_of(&endpoint));
    }
    let done = if is_active {
        "is active"
    } else {
        "is inactive"
    };
    print_done(&services, &endpoint, done)
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
        "Endpoint {number} {name} was deleted ({database})."
    ))
}

async fn resend(config: Config, named: Named, delivery: Option<i64>) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let (actor, number) = (Actor::operator(), number_of(&services, &named).await?);
    let count = match delivery {
        None => deliveries::resend_dead(&services, &actor, number).await?,
        Some(id) => match deliveries::resend(&services, &actor, number, id).await {
            Err(Error::WebhookNotFound) => {
                let text = format!("the endpoint {} has no event {id}", named.name);
                return Err(CliError::Refused(text));
            }
            resent => usize::from(resent?),
        },
    };
    bootstrap::link_events(&services).await;
    if named.json {
        return output::json(
            &json!({ "number": number, "name": named.name.as_str(), "resent": count }),
        );
    }
    let (name, database) = (&named.name, database_name(&services.config));
    output::line(&format!(
        "{count} events are sent to {name} again ({database})."
    ))
}

async fn number_of(services: &Services, named: &Named) -> Result<UserSeq, CliError> {
    let name = named.name.to_string();
    match endpoints::find_by_name(&services.store, name.clone()).await {
        Ok(endpoint) => Ok(endpoint.number),
        Err(Error::WebhookNotFound) => {
            Err(CliError::Refused(format!("there is no endpoint {name}")))
        }
        Err(error) => Err(error.into()),
    }
}

fn print_done(services: &Services, endpoint: &Endpoint, done: &str) -> Result<ExitCode, CliError> {
    let (number, name) = (endpoint.number, &endpoint.name);
    let database = database_name(&services.config);
    output::line(&format!("Endpoint {number} {name} {done} ({database})."))
}

fn print_with_secret(
    services: &Services,
    created: &WithSecret,
    json: bool,
    done: &str,
) -> Result<ExitCode, CliError> {
    if json {
        let mut value = json_of(&created.endpoint);
        value["secret"] = created.secret.as_str().into();
        return output::json(&value);
    }
    print_done(services, &created.endpoint, done)?;
    output::line("Its secret, which is shown only now:")?;
    output::line(&created.secret)
}

fn cells(listed: &Listed) -> Vec<String> {
    let endpoint = &listed.endpoint;
    let events = if endpoint.events == EventTypes::all() {
        "all".to_owned()
    } else {
        endpoint.events.to_string()
    };
    vec![
        endpoint.number.to_string(),
        endpoint.name.clone(),
        yes_or_no(endpoint.is_active),
        listed.waiting.to_string(),
        listed.dead.to_string(),
        endpoint.url.clone(),
        events,
    ]
}

fn json_of(endpoint: &Endpoint) -> Value {
    json!({
        "number": endpoint.number, "name": endpoint.name, "url": endpoint.url,
        "events": endpoint.events.iter().collect::<Vec<_>>(), "is_active": endpoint.is_active,
        "created_at": endpoint.created_at, "updated_at": endpoint.updated_at,
    })
}

fn json_of_listed(listed: &Listed) -> Value {
    let mut value = json_of(&listed.endpoint);
    value["waiting"] = listed.waiting.into();
    value["dead"] = listed.dead.into();
    value
}
