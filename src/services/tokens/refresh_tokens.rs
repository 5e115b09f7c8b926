//! Refresh tokens in the admin panel: the list, a token with its session and rotation chain, and blacklisting a token.
//! The text of a token is not stored, so it is never shown.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor};
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::{Jti, RevocationReason, SessionId, TokenState};
use crate::services::account_lookup::subject;
use crate::services::audit::log::Event;
use crate::services::auth::sessions::RevocationOutcome;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::tokens::owner::{ByOwner, Owner, with_owners};
use crate::store::blacklisted_tokens::{self, NewBlacklistedToken};
use crate::store::outstanding_tokens as table;
use crate::store::outstanding_tokens::{TokenFilter, TokenRow};
use crate::store::session_list::{self, SessionListRow};
use crate::store::sessions::{self, SessionRow};
use crate::store::{Db, StoreError};

/// The maximum number of tokens of a rotation chain that are shown.
pub const CHAIN_SHOWN: i64 = 200;

/// A refresh token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The id of the token.
    pub jti: Jti,
    /// The session it belongs to.
    pub session: SessionId,
    /// The account that it was issued to.
    pub owner: Owner,
    /// Its current state.
    pub state: TokenState,
    /// Why and when it was blacklisted; `None` if it was not.
    pub refused: Option<(RevocationReason, Timestamp)>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Filters of the list.
#[derive(Clone, Debug, Default)]
pub struct TokenQuery {
    /// The population of the owner.
    pub user_type: Option<UserType>,
    /// The owner's e-mail address or username, or `user:1`, or a part that few accounts have.
    pub person: Option<String>,
    /// The state.
    pub state: Option<TokenState>,
    /// Issued at this time or later.
    pub from: Option<Timestamp>,
    /// Issued before this time.
    pub to: Option<Timestamp>,
}

/// A token with its session and its rotation chain.
#[derive(Clone, Debug)]
pub struct TokenInSession {
    /// The token.
    pub token: Token,
    /// Its session; `None` if it was flushed.
    pub session: Option<SessionRow>,
    /// The latest tokens of the session, oldest first, each the successor of the one before.
    pub chain: Vec<Token>,
    /// The number of earlier tokens of the session.
    pub earlier: i64,
}

/// A session with its rotation chain.
#[derive(Clone, Debug)]
pub struct SessionWithTokens {
    /// The session with the names of its account.
    pub listed: SessionListRow,
    /// The session.
    pub session: SessionRow,
    /// The latest tokens of the session, oldest first, each the successor of the one before.
    pub chain: Vec<Token>,
    /// The number of earlier tokens of the session.
    pub earlier: i64,
}

impl TokenQuery {
    fn filter(self, owners: Option<Vec<Principal>>, expired_at: Timestamp) -> TokenFilter {
        TokenFilter {
            user_type: self.user_type,
            owners,
            state: self.state,
            from: self.from,
            to: self.to,
            expired_at,
        }
    }
}

/// The tokens that match the query, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    query: TokenQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<ByOwner<Slice<Token>>, Error> {
    let expired_at = services.clock.now() - services.tokens.leeway();
    let seek = seek.filter_map(|cursor| Jti::parse(&cursor.id));
    let found = services
        .store
        .read_list(move |connection| {
            with_owners(connection, query.person.as_deref(), |connection, owners| {
                let filter = query.clone().filter(owners, expired_at);
                table::list(connection, &filter, seek.clone(), size)
            })
        })
        .await?;
    Ok(found.map(|rows| rows.map(|row| token(row, expired_at))))
}

/// The next tokens that match the query, for reading the whole list.
///
/// # Errors
/// The store's.
pub async fn batch(
    services: &Services,
    query: TokenQuery,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<Token>, Error> {
    let expired_at = services.clock.now() - services.tokens.leeway();
    let after = after.and_then(|cursor| Jti::parse(&cursor.id));
    let found = services
        .store
        .read_list(move |connection| {
            with_owners(connection, query.person.as_deref(), |connection, owners| {
                let filter = query.clone().filter(owners, expired_at);
                table::batch(connection, &filter, after.as_ref(), size)
            })
        })
        .await?;
    let rows = found.or_none().into_iter();
    Ok(rows.map(|row| token(row, expired_at)).collect())
}

/// The latest tokens of an account.
///
/// # Errors
/// The store's.
pub async fn latest_of(
    services: &Services,
    owner: Principal,
    limit: i64,
) -> Result<Vec<Token>, Error> {
    let expired_at = services.clock.now() - services.tokens.leeway();
    let filter = TokenFilter {
        user_type: Some(owner.user_type),
        owners: Some(vec![owner]),
        state: None,
        from: None,
        to: None,
        expired_at,
    };
    services
        .store
        .read_list(move |connection| {
            let rows = table::list(connection, &filter, Seek::First, limit)?;
            Ok(rows.map(|row| token(row, expired_at)).items)
        })
        .await
}

/// The position of a token in the list.
#[must_use]
pub fn cursor_of(token: &Token) -> Cursor {
    Cursor {
        value: String::new(),
        id: token.jti.as_str().to_owned(),
    }
}

/// A token with its session and rotation chain; `None` if the token is not outstanding.
///
/// # Errors
/// The store's.
pub async fn show(services: &Services, jti: Jti) -> Result<Option<TokenInSession>, Error> {
    let expired_at = services.clock.now() - services.tokens.leeway();
    services
        .store
        .read_list(move |connection| {
            let Some(row) = table::find(connection, &jti)? else {
                return Ok(None);
            };
            let session = sessions::find_by_id(connection, &row.session_id)?;
            let (chain, earlier) = chain(connection, &row.session_id, expired_at)?;
            Ok(Some(TokenInSession {
                session,
                chain,
                earlier,
                token: token(row, expired_at),
            }))
        })
        .await
}

/// A session with its rotation chain; `None` if there is no such session, or not any more.
///
/// # Errors
/// The store's.
pub async fn of_session(
    services: &Services,
    id: SessionId,
) -> Result<Option<SessionWithTokens>, Error> {
    let expired_at = services.clock.now() - services.tokens.leeway();
    let found = services
        .store
        .read_list(move |connection| {
            let listed = session_list::find_all(connection, std::slice::from_ref(&id))?;
            let session = sessions::find_by_id(connection, &id)?;
            let Some((listed, session)) = listed.into_iter().next().zip(session) else {
                return Ok(None);
            };
            let (chain, earlier) = chain(connection, &id, expired_at)?;
            Ok::<_, StoreError>(Some(SessionWithTokens {
                listed,
                session,
                chain,
                earlier,
            }))
        })
        .await?;
    Ok(found)
}

/// The latest tokens of a session, oldest first, and the number of earlier ones.
fn chain(
    connection: &mut Db,
    session: &SessionId,
    expired_at: Timestamp,
) -> Result<(Vec<Token>, i64), StoreError> {
    let all = table::count_of_session(connection, session)?;
    let chain = table::list_latest_of_session(connection, session, CHAIN_SHOWN)?;
    let listed = i64::try_from(chain.len()).unwrap_or(all);
    let chain = chain.into_iter().map(|row| token(row, expired_at));
    Ok((chain.collect(), (all - listed).max(0)))
}

/// Blacklists a token. Its session does not end, and its access tokens stay valid until they expire.
///
/// # Errors
/// The store's.
pub async fn blacklist(
    services: &Services,
    actor: Actor,
    jti: Jti,
) -> Result<RevocationOutcome, Error> {
    services
        .write_as(&actor, move |connection, audit_context| {
            let Some(row) = table::find(connection, &jti)? else {
                return Ok(RevocationOutcome::NotFound);
            };
            let new = NewBlacklistedToken {
                jti: row.jti,
                session_id: row.session_id,
                user_type: row.user_type,
                user_seq: row.user_seq,
                reason: RevocationReason::Administrator,
                blacklisted_at: audit_context.now,
                expires_at: row.expires_at,
                successor: None,
            };
            if !blacklisted_tokens::insert(connection, &new)? {
                return Ok(RevocationOutcome::AlreadyRevoked);
            }
            let owner = Principal::new(new.user_type, new.user_seq);
            let event = Event::new(Action::TokenBlacklisted)
                .to(subject(connection, owner)?)
                .of_session(&new.session_id)
                .with_detail("token", &new.jti);
            audit_context.record(connection, &event)?;
            Ok(RevocationOutcome::Revoked)
        })
        .await
}

/// A token of the table, in its state at this time.
pub(in crate::services) fn token(row: TokenRow, expired_at: Timestamp) -> Token {
    let state = match row.reason {
        Some(RevocationReason::Rotated) => TokenState::Used,
        Some(_) => TokenState::Blacklisted,
        None if row.expires_at <= expired_at => TokenState::Expired,
        None => TokenState::Live,
    };
    Token {
        state,
        refused: row.reason.zip(row.blacklisted_at),
        owner: Owner::new(row.user_type, row.user_seq, row.login, row.name),
        jti: row.jti,
        session: row.session_id,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
