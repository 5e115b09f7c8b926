//! The verbs that `munjigi user` and `munjigi client` share, over [`UserType`].

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output, password};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::domain::account::Username;
use crate::domain::account_claims::AccountClaims;
use crate::domain::audit::Actor;
use crate::domain::language::Language;
use crate::domain::paging::Page;
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserType};
use crate::domain::problem::Problem;
use crate::services::accounts::client_users::{self, ClientChanges};
use crate::services::accounts::users::{self, UserChanges};
use crate::services::accounts::{client_user_changes, lifecycle, user_changes};
use crate::services::limits::locks;
use crate::services::second_factors::enrolment;
use crate::services::{Error, Services};
use crate::store::Store;
use crate::store::account_list::NumberedFilter;

/// The shared verbs. `L` is the option that names an account.
#[derive(Subcommand)]
pub(super) enum Verb<L: Args> {
    /// List the accounts; nothing is created or changed
    ///
    /// Exit code 1 if there is no database yet, or its schema is that of another version.
    List {
        /// Only accounts with this text in a name, address or phone number
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set the password of an account; all its sessions end
    SetPassword {
        #[command(flatten)]
        account: Named<L>,
        /// Read the password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
    },
    /// Allow an account to log in again
    Activate(Named<L>),
    /// Stop an account from logging in; all its sessions end
    Deactivate(Named<L>),
    /// Replace the claims of the account's own, which its access tokens contain if `tokens.claims` lists `account`
    SetClaims {
        #[command(flatten)]
        account: Named<L>,
        /// A JSON object such as {"tier": "gold"}; {} removes all
        #[arg(long, value_name = "JSON")]
        claims: String,
    },
    /// Remove the second factors of an account whose owner has lost them, and its recovery codes
    RemoveSecondFactor(Named<L>),
    /// Remove the lock of an account that failed to log in too often
    Unlock(Named<L>),
}

/// An account, named by what it logs in with.
#[derive(Args)]
pub(super) struct Named<L: Args> {
    #[command(flatten)]
    login: L,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What an account logs in with.
pub(super) enum Login {
    User(String),
    Client(Username),
}

/// An account as it is printed.
pub(super) struct Account {
    pub(super) principal: Principal,
    /// The e-mail address or username.
    pub(super) login: String,
    /// The cells of its row in `list`.
    pub(super) cells: Vec<String>,
    pub(super) json: Value,
}

impl Account {
    /// Prints what was done to it and in which database, or with `json` the account itself.
    pub(super) fn print(
        &self,
        services: &Services,
        json: bool,
        done: &str,
    ) -> Result<ExitCode, CliError> {
        if json {
            return output::json(&self.json);
        }
        let population = match self.principal.user_type {
            UserType::User => "User",
            UserType::Client => "Client",
        };
        let (number, login) = (self.principal.user_seq, &self.login);
        let database = database_name(&services.config);
        output::line(&format!(
            "{population} {number} {login} {done} ({database})."
        ))
    }
}

enum Change {
    Password(Password),
    Claims(Option<AccountClaims>),
    Active(bool),
}

/// A parser of arguments, with the sentence that clap prints if something is wrong.
pub(super) fn argument<T>(
    parse: fn(&str) -> Result<T, Problem>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |typed| parse(typed).map_err(|problem| problem.message(Language::En).into_owned())
}

pub(super) async fn run<L: Args + Into<Login>>(
    config: Config,
    user_type: UserType,
    columns: &[&str],
    verb: Verb<L>,
) -> Result<ExitCode, CliError> {
    match verb {
        Verb::List { search, json } => {
            let store = bootstrap::read_only_store(&config)?;
            let accounts = list(&store, user_type, search).await?;
            print_list(&accounts, columns, json)
        }
        Verb::SetPassword {
            account,
            password_stdin,
        } => {
            let password = password::ask(password_stdin)?;
            let done = "has a new password";
            change(config, account, Change::Password(password), done).await
        }
        Verb::Activate(account) => change(config, account, Change::Active(true), "is active").await,
        Verb::Deactivate(account) => {
            let done = "is inactive, and all sessions have ended";
            change(config, account, Change::Active(false), done).await
        }
        Verb::SetClaims { account, claims } => {
            let parse = argument(AccountClaims::parse);
            let claims = parse(&claims)
                .map_err(|problem| CliError::Refused(format!("--claims: {problem}")))?;
            let done = "has these claims in new access tokens";
            change(config, account, Change::Claims(claims), done).await
        }
        Verb::RemoveSecondFactor(account) => remove_second_factor(config, account).await,
        Verb::Unlock(account) => unlock(config, account).await,
    }
}

async fn list(
    store: &Store,
    user_type: UserType,
    search: Option<String>,
) -> Result<Vec<Account>, CliError> {
    let mut accounts = Vec::new();
    for number in 1.. {
        let page = Page::new(number, Page::MAX_SIZE);
        let search = search.clone();
        let total = match user_type {
            UserType::User => {
                let filter = NumberedFilter {
                    search,
                    ..NumberedFilter::default()
                };
                let found = users::list(store, filter, page).await?;
                accounts.extend(found.items.into_iter().map(Account::from));
                found.total
            }
            UserType::Client => {
                let filter = NumberedFilter {
                    search,
                    ..NumberedFilter::default()
                };
                let found = client_users::list(store, filter, page).await?;
                accounts.extend(found.items.into_iter().map(Account::from));
                found.total
            }
        };
        if number >= page.pages(total) {
            break;
        }
    }
    Ok(accounts)
}

fn print_list(accounts: &[Account], columns: &[&str], json: bool) -> Result<ExitCode, CliError> {
    if json {
        let accounts: Vec<&Value> = accounts.iter().map(|account| &account.json).collect();
        return output::json(&accounts);
    }
    let rows: Vec<Vec<String>> = accounts
        .iter()
        .map(|account| account.cells.clone())
        .collect();
    output::table(columns, &rows)
}

async fn change<L: Args + Into<Login>>(
    config: Config,
    named: Named<L>,
    change: Change,
    done: &str,
) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let found = find(&services, named.login.into()).await?;
    let account = update(&services, found.principal, change).await?;
    bootstrap::link_events(&services).await;
    account.print(&services, named.json, done)
}

async fn unlock<L: Args + Into<Login>>(
    config: Config,
    named: Named<L>,
) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let account = find(&services, named.login.into()).await?;
    let lifted = locks::lift_account(&services, &Actor::operator(), account.principal).await?;
    bootstrap::link_events(&services).await;
    let done = if lifted {
        "is not locked any more"
    } else {
        "was not locked"
    };
    account.print(&services, named.json, done)
}

async fn remove_second_factor<L: Args + Into<Login>>(
    config: Config,
    named: Named<L>,
) -> Result<ExitCode, CliError> {
    let services = load_keys::open(config).await?;
    let account = find(&services, named.login.into()).await?;
    let removed = enrolment::remove_all(&services, &Actor::operator(), account.principal).await;
    let done = match removed {
        Ok(()) => "has no second factor any more",
        Err(Error::SecondFactorNotFound) => "had no second factor",
        Err(error) => return Err(error.into()),
    };
    bootstrap::link_events(&services).await;
    account.print(&services, named.json, done)
}

async fn find(services: &Services, login: Login) -> Result<Account, CliError> {
    let (found, name) = match &login {
        Login::User(name) => {
            let found = users::find_by_login(services, name).await;
            (found.map(Account::from), format!("user {name}"))
        }
        Login::Client(username) => {
            let found = client_users::find_by_username(services, username).await;
            (
                found.map(Account::from),
                format!("client {}", username.as_typed()),
            )
        }
    };
    found.map_err(|error| match error {
        Error::AccountNotFound(_) => CliError::Refused(format!("there is no {name}")),
        error => error.into(),
    })
}

async fn update(
    services: &Services,
    principal: Principal,
    change: Change,
) -> Result<Account, Error> {
    let (actor, number) = (Actor::operator(), principal.user_seq);
    match change {
        Change::Active(active) => {
            lifecycle::set_active(services, &actor, principal, active).await?;
        }
        Change::Password(password) => set_password(services, &actor, principal, password).await?,
        Change::Claims(claims) => set_claims(services, &actor, principal, claims).await?,
    }
    Ok(match principal.user_type {
        UserType::User => users::find(services, number).await?.into(),
        UserType::Client => client_users::find(services, number).await?.into(),
    })
}

async fn set_password(
    services: &Services,
    actor: &Actor,
    principal: Principal,
    password: Password,
) -> Result<(), Error> {
    let number = principal.user_seq;
    match principal.user_type {
        UserType::User => {
            let changes = UserChanges {
                password: Some(password),
                ..UserChanges::default()
            };
            user_changes::update(services, actor, number, changes).await?;
        }
        UserType::Client => {
            let changes = ClientChanges {
                password: Some(Some(password)),
                ..ClientChanges::default()
            };
            client_user_changes::update(services, actor, number, changes).await?;
        }
    }
    Ok(())
}

async fn set_claims(
    services: &Services,
    actor: &Actor,
    principal: Principal,
    claims: Option<AccountClaims>,
) -> Result<(), Error> {
    let (number, claims) = (principal.user_seq, Some(claims));
    match principal.user_type {
        UserType::User => {
            let changes = UserChanges {
                claims,
                ..UserChanges::default()
            };
            user_changes::update(services, actor, number, changes).await?;
        }
        UserType::Client => {
            let changes = ClientChanges {
                claims,
                ..ClientChanges::default()
            };
            client_user_changes::update(services, actor, number, changes).await?;
        }
    }
    Ok(())
}

/// The cell of a value that may be missing.
pub(super) fn or_dash(value: Option<&String>) -> String {
    value.map_or("-", String::as_str).to_owned()
}

/// The cell of an e-mail address.
pub(super) fn address(email: Option<&String>, verified: Option<bool>) -> String {
    match (email, verified) {
        (Some(email), Some(false)) => format!("{email} (not verified)"),
        (email, _) => or_dash(email),
    }
}

/// The cell of a login time.
pub(super) fn last_login(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| at.to_string())
}

/// The cell of a truth value.
pub(super) fn yes_or_no(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}
