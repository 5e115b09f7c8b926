//! The search of the panel over everything: accounts, sessions, tokens and audit events. Every lookup uses an index and finds
//! a few rows, so that its time does not grow with the tables.

use std::net::IpAddr;

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{Jti, SessionId};
use crate::services::audit::events::AuditEvent;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::tokens::refresh_tokens::{self, Token};
use crate::store::account_search::{self, AccountHit};
use crate::store::session_list::{self, SessionListRow};
use crate::store::{Db, StoreError, audit_list, outstanding_tokens};

/// How many rows of each kind are found.
const EACH: usize = 8;
/// How many events are read to find the sessions of an address.
const EVENTS_OF_ADDRESS: i64 = 50;
/// From how many digits on a part of an id is searched.
const MIN_DIGITS: usize = 8;

/// What a text finds.
#[derive(Clone, Debug)]
pub enum Found {
    /// Exactly one thing has this id.
    One(Exact),
    /// These.
    Several(Box<Results>),
}

/// The thing that an id names.
#[derive(Clone, Debug)]
pub enum Exact {
    /// An account.
    Account(Principal),
    /// A refresh token.
    Token(Jti),
    /// A session.
    Session(SessionId),
    /// The only event of a request.
    Event(i64),
}

/// What was found, a few of each kind.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Accounts of both populations.
    pub accounts: Vec<(UserType, AccountHit)>,
    /// Sessions, the latest first.
    pub sessions: Vec<SessionListRow>,
    /// Refresh tokens, the latest first.
    pub tokens: Vec<Token>,
    /// Audit events, the latest first.
    pub events: Vec<AuditEvent>,
    /// The text as an address, if it is one.
    pub address: Option<IpAddr>,
    /// Whether the text is the id of a request.
    pub is_request: bool,
    /// Whether the text can be the beginning of the id of a token or session.
    is_id: bool,
}

impl Results {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.sessions.is_empty()
            && self.tokens.is_empty()
            && self.events.is_empty()
    }
}

/// Searches for a text: a name, an e-mail address, a username, a telephone number, an external id, an IP address, or the id
/// of a token, a session, a request or an account (`user:1`), or the beginning of one.
///
/// # Errors
/// The store's.
pub async fn search(services: &Services, typed: &str) -> Result<Found, Error> {
    let text = typed.trim().to_owned();
    let expired_at = services.clock.now() - services.tokens.leeway();
    let found = services
        .store
        .read_list(move |connection| {
            if let Some(exact) = exact(connection, &text)? {
                return Ok::<Found, StoreError>(Found::One(exact));
            }
            let mut results = of_request(connection, &text)?;
            if let [event] = results.events.as_slice() {
                return Ok(Found::One(Exact::Event(event.id)));
            }
            if results.is_request {
                return Ok(Found::Several(Box::new(results)));
            }
            if let Ok(address) = text.parse::<IpAddr>() {
                of_address(connection, &mut results, address)?;
            } else {
                of_ids(connection, &mut results, &text, |row| {
                    refresh_tokens::token(row, expired_at)
                })?;
                of_text(connection, &mut results, &text)?;
            }
            Ok(Found::Several(Box::new(results)))
        })
        .await?;
    Ok(found)
}

/// A few accounts that fit a text, for suggestions while typing.
///
/// # Errors
/// The store's.
pub async fn suggest(
    services: &Services,
    typed: &str,
) -> Result<Vec<(UserType, AccountHit)>, Error> {
    let text = typed.trim().to_owned();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(services
        .store
        .read_list(move |connection| accounts(connection, &text))
        .await?)
}

fn exact(connection: &mut Db, text: &str) -> Result<Option<Exact>, StoreError> {
    if let Some((word, digits)) = text.split_once(':')
        && let (Some(user_type), Some(user_seq)) =
            (UserType::from_word(word), UserSeq::from_digits(digits))
    {
        let principal = Principal::new(user_type, user_seq);
        let exists = account_search::exists(connection, principal)?;
        return Ok(exists.then_some(Exact::Account(principal)));
    }
    let id = hex_digits(text);
    if let Some(jti) = Jti::parse(&id)
        && outstanding_tokens::contains(connection, &jti)?
    {
        return Ok(Some(Exact::Token(jti)));
    }
    let Some(id) = SessionId::parse(&id) else {
        return Ok(None);
    };
    let found = session_list::find_all(connection, std::slice::from_ref(&id))?;
    Ok((!found.is_empty()).then_some(Exact::Session(id)))
}

/// An id without hyphens, in lower case.
fn hex_digits(text: &str) -> String {
    text.replace('-', "").to_ascii_lowercase()
}

fn each() -> i64 {
    i64::try_from(EACH).unwrap_or(i64::MAX)
}

fn of_request(connection: &mut Db, text: &str) -> Result<Results, StoreError> {
    let events = audit_list::of_request(connection, text, each())?;
    Ok(Results {
        is_request: !events.is_empty(),
        events: events.into_iter().map(AuditEvent::from).collect(),
        ..Results::default()
    })
}

/// The events of an address, and the sessions that they name.
fn of_address(
    connection: &mut Db,
    results: &mut Results,
    address: IpAddr,
) -> Result<(), StoreError> {
    results.address = Some(address);
    let text = address.to_string();
    let events = audit_list::containing(connection, &text, EVENTS_OF_ADDRESS)?;
    let events = events.into_iter().map(AuditEvent::from);
    // A longer address contains a shorter one.
    let mut events: Vec<AuditEvent> = events
        .filter(|event| event.ip_address.as_ref() == Some(&text))
        .collect();
    let mut sessions: Vec<SessionId> = Vec::new();
    for session in events.iter().filter_map(|event| event.session.as_ref()) {
        if !sessions.contains(session) && sessions.len() < EACH {
            sessions.push(session.clone());
        }
    }
    events.truncate(EACH);
    results.sessions = session_list::find_all(connection, &sessions)?;
    results.events = events;
    Ok(())
}

/// The tokens and sessions whose id begins with the text.
fn of_ids(
    connection: &mut Db,
    results: &mut Results,
    text: &str,
    token: impl Fn(outstanding_tokens::TokenRow) -> Token,
) -> Result<(), StoreError> {
    let digits = hex_digits(text.trim_end_matches('…'));
    let is_part = (MIN_DIGITS..=32).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    results.is_id = is_part;
    if is_part {
        let tokens = outstanding_tokens::list_beginning_with(connection, &digits, each())?;
        results.tokens = tokens.into_iter().map(token).collect();
        results.sessions = session_list::beginning_with(connection, &digits, each())?;
    }
    Ok(())
}

fn of_text(connection: &mut Db, results: &mut Results, text: &str) -> Result<(), StoreError> {
    results.accounts = accounts(connection, text)?;
    // The digits of an id are in too many events for a search within a bounded time.
    if results.is_id {
        return Ok(());
    }
    let events = audit_list::containing(connection, text, each())?;
    results.events = events.into_iter().map(AuditEvent::from).collect();
    Ok(())
}

fn accounts(connection: &mut Db, text: &str) -> Result<Vec<(UserType, AccountHit)>, StoreError> {
    let mut found = Vec::new();
    for user_type in [UserType::User, UserType::Client] {
        let hits = account_search::find(connection, user_type, text, EACH)?;
        found.extend(hits.into_iter().map(|hit| (user_type, hit)));
    }
    Ok(found)
}
