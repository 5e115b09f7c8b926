//! Listing and finding audit events.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, AuditSource, Change, Outcome};
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::SessionId;
use crate::domain::text::normalised;
use crate::services::account_lookup::{Matches, find_account, matches_of, owners_of};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::tokens::owner::ByOwner;
use crate::store::audit_history::Newest;
use crate::store::audit_list::{AuditEventRow, AuditFilter, AuditKey, MAX_PEOPLE};
use crate::store::{Db, StoreError, audit_chain_links, audit_history, audit_list as table};

/// An audit event, as the interfaces show it.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// The id, in the order of writing.
    pub id: i64,
    /// The time of the event.
    pub happened_at: Timestamp,
    /// The interface that was used.
    pub source: AuditSource,
    /// The account that acted; `None` for the operator, the server and anonymous callers.
    pub actor: Option<Principal>,
    /// The actor's login name at that time.
    pub actor_name: Option<String>,
    /// The action.
    pub action: Action,
    /// Whether the action was done or refused.
    pub outcome: Outcome,
    /// The account that was acted on.
    pub subject: Option<Principal>,
    /// The subject's login name at that time; the id of a subject that is not an account.
    pub subject_name: Option<String>,
    /// The changed fields with their old and new values, and further details.
    pub changes: Vec<Change>,
    /// The actor's IP address.
    pub ip_address: Option<String>,
    /// The actor's user agent.
    pub user_agent: Option<String>,
    /// The id of the HTTP request.
    pub request_id: Option<String>,
    /// The session that was acted in or on.
    pub session: Option<SessionId>,
    /// The position in the audit chain; `None` while the event is not linked yet, and in lists.
    pub position: Option<i64>,
}

impl AuditEvent {
    /// The new value of a field.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&str> {
        let change = self.changes.iter().find(|change| change.field == field);
        change.and_then(|change| change.new.as_deref())
    }

    /// The cursor of this event in the list.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::at_time(self.happened_at, &self.id)
    }
}

impl From<AuditEventRow> for AuditEvent {
    fn from(row: AuditEventRow) -> Self {
        let principal = |(user_type, user_seq)| Principal::new(user_type, user_seq);
        let AuditEventRow { id, event: row } = row;
        Self {
            id,
            happened_at: row.happened_at,
            source: row.source,
            actor: row.actor_type.zip(row.actor_seq).map(principal),
            actor_name: row.actor_name,
            action: row.action,
            outcome: row.outcome,
            subject: row.subject_type.zip(row.subject_seq).map(principal),
            subject_name: row.subject_name,
            changes: serde_json::from_str(&row.changes).unwrap_or_default(),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            request_id: row.request_id,
            session: row.session_id,
            position: None,
        }
    }
}

/// A filter of audit events.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only events by or on this account: its e-mail address or username, now or when it was deleted.
    pub person: Option<String>,
    /// The other conditions.
    pub filter: AuditFilter,
}

impl AuditQuery {
    /// The filter of the store; `None` if too many accounts fit the text.
    fn filter(&self, connection: &mut Db) -> Result<Option<AuditFilter>, StoreError> {
        let mut filter = self.filter.clone();
        if let Some(name) = &self.person {
            let Some(people) = find_people(connection, name)? else {
                return Ok(None);
            };
            filter.people = Some(people);
        }
        Ok(Some(filter))
    }
}

/// The accounts that have this login name and those that had it at the time of an event or, if there are none, those that
/// contain the text; `None` if these are too many.
fn find_people(connection: &mut Db, name: &str) -> Result<Option<Vec<Principal>>, StoreError> {
    let mut found = owners_of(connection, name)?;
    let names = [name.to_owned(), normalised(name)];
    for principal in table::find_subjects(connection, &names)? {
        if !found.contains(&principal) && found.len() < MAX_PEOPLE {
            found.push(principal);
        }
    }
    if !found.is_empty() {
        return Ok(Some(found));
    }
    Ok(match matches_of(connection, name)? {
        Matches::Few(people) => Some(people),
        Matches::TooMany => None,
    })
}

fn audit_key(cursor: &Cursor) -> Option<AuditKey> {
    Some((cursor.time()?, cursor.id.parse().ok()?))
}

/// A page of the events that pass a filter, newest first. An invalid cursor gives the first page.
///
/// # Errors
/// Errors of the store.
pub async fn list(
    services: &Services,
    query: AuditQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<ByOwner<Slice<AuditEvent>>, Error> {
    let seek = seek.filter_map(|cursor| audit_key(&cursor));
    let slice = services
        .store
        .read_list(move |connection| {
            let Some(filter) = query.filter(connection)? else {
                return Ok(ByOwner::TooManyAccounts);
            };
            table::list(connection, &filter, &seek, size).map(ByOwner::Found)
        })
        .await?;
    Ok(slice.map(|slice| slice.map(AuditEvent::from)))
}

/// The next events that pass a filter, newest first, for reading the whole list.
///
/// # Errors
/// Errors of the store.
pub async fn batch(
    services: &Services,
    query: AuditQuery,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<AuditEvent>, Error> {
    let after = after.as_ref().and_then(audit_key);
    let rows = services
        .store
        .read_list(move |connection| {
            let Some(filter) = query.filter(connection)? else {
                return Ok(Vec::new());
            };
            table::batch(connection, &filter, after, size)
        })
        .await?;
    Ok(rows.into_iter().map(AuditEvent::from).collect())
}

/// The login name of the account that a text such as `client:7` names.
///
/// # Errors
/// Errors of the store.
pub async fn login_of(services: &Services, text: &str) -> Result<Option<String>, Error> {
    let Some((word, digits)) = text.trim().split_once(':') else {
        return Ok(None);
    };
    let named = UserType::from_word(word).zip(UserSeq::from_digits(digits));
    let Some((user_type, user_seq)) = named else {
        return Ok(None);
    };
    let principal = Principal::new(user_type, user_seq);
    let account = services
        .store
        .read(move |connection| find_account(connection, principal))
        .await?;
    Ok(account.map(|account| account.login().to_owned()))
}

/// The event of this id, with its position in the audit chain.
///
/// # Errors
/// Errors of the store.
pub async fn find(services: &Services, id: i64) -> Result<Option<AuditEvent>, Error> {
    let found = services
        .store
        .read(move |connection| {
            let link = audit_chain_links::find(connection, id)?;
            Ok::<_, StoreError>((table::find(connection, id)?, link))
        })
        .await?;
    let position = found.1.and_then(|link| link.position);
    Ok(found.0.map(|row| AuditEvent {
        position,
        ..AuditEvent::from(row)
    }))
}

/// The newest events of chosen actions.
///
/// # Errors
/// Errors of the store.
pub async fn newest(
    services: &Services,
    wanted: Newest,
    limit: i64,
) -> Result<Vec<AuditEvent>, Error> {
    let rows = services
        .store
        .read_list(move |connection| audit_history::newest(connection, &wanted, limit))
        .await?;
    Ok(rows.into_iter().map(AuditEvent::from).collect())
}

/// The number of audit events on the dashboard.
const LATEST: i64 = 8;

/// The latest changes, and sign-ins to the panel by others than the viewer.
///
/// # Errors
/// Errors of the store.
pub async fn latest(services: &Services, viewer: Principal) -> Result<Vec<AuditEvent>, Error> {
    let changes = Newest {
        actions: Action::of_changes(),
        ..Newest::default()
    };
    let sign_ins = Newest {
        actions: vec![Action::SignedIn, Action::SignInRefused],
        except_actor: Some(viewer),
        ..Newest::default()
    };
    let mut events = newest(services, changes, LATEST).await?;
    events.extend(newest(services, sign_ins, LATEST).await?);
    events.sort_by_key(|event| std::cmp::Reverse((event.happened_at, event.id)));
    events.truncate(usize::try_from(LATEST).unwrap_or(0));
    Ok(events)
}

/// The event that a session ended because of the reuse of one of its refresh tokens.
///
/// # Errors
/// Errors of the store.
pub async fn find_reuse(
    services: &Services,
    session: SessionId,
) -> Result<Option<AuditEvent>, Error> {
    let row = services
        .store
        .read_list(move |connection| audit_history::find_reuse(connection, &session))
        .await?;
    Ok(row.map(AuditEvent::from))
}
