//! Refresh tokens as the panel shows them: listed, one with its session and the line of its rotations, and blacklisted by
//! hand. Nobody sees a token's text here: it is not kept.

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Username},
        audit::{Action, Actor},
        paging::{Cursor, Seek, Slice},
        principal::{Principal, UserSeq, UserType},
        session::{Jti, RevocationReason, SessionId, TokenState},
    },
    services::{
        audit::log::Event,
        auth::sessions::{Ending, Session, subject},
        bootstrap::Services,
        error::Error,
    },
    store::{
        Db, StoreError,
        blacklisted_tokens::{self, NewBlacklistedToken},
        client_users, outstanding_tokens as table,
        outstanding_tokens::{TokenFilter, TokenRow},
        sessions, users,
    },
};

/// How many rotations of a session are shown.
pub const CHAIN_SHOWN: i64 = 200;

/// The account that a token belongs to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Population and number.
    pub principal: Principal,
    /// What it logs in by; none where the account does not exist any more.
    pub login: Option<String>,
    /// What it is called; empty where it is gone.
    pub name: String,
}

/// A refresh token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session: SessionId,
    /// Whose it is.
    pub owner: Owner,
    /// What has become of it.
    pub state: TokenState,
    /// Why it is refused, and since when; none where it is not.
    pub refused: Option<(RevocationReason, Timestamp)>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Which tokens are looked for.
#[derive(Clone, Debug, Default)]
pub struct TokenQuery {
    /// Of one population.
    pub user_type: Option<UserType>,
    /// Of whoever logs in by this e-mail address or username.
    pub person: Option<String>,
    /// In this state.
    pub state: Option<TokenState>,
    /// Issued then or later.
    pub from: Option<Timestamp>,
    /// Issued before.
    pub to: Option<Timestamp>,
}

/// A list, or that nobody has the name by which it was asked for.
#[derive(Clone, Debug)]
pub enum Listed<T> {
    /// The list.
    Rows(Slice<T>),
    /// Nobody logs in by this name.
    UnknownPerson,
}

/// A token with all that is known around it.
#[derive(Clone, Debug)]
pub struct TokenInSession {
    /// The token.
    pub token: Token,
    /// Its session; none where the flush took it out.
    pub session: Option<Session>,
    /// The tokens of the session, oldest first, each the successor of the one before.
    pub chain: Vec<Token>,
    /// How many tokens stand before those.
    pub earlier: i64,
}

/// The tokens that are looked for, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    wanted: TokenQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Listed<Token>, Error> {
    let expired_at = services.clock.now() - services.tokens.leeway();
    let seek = seek
        .try_map(|place| Jti::parse(&place.id))
        .unwrap_or(Seek::First);
    services
        .store
        .read_list(move |connection| {
            let owners = wanted_owners(connection, wanted.person.as_deref())?;
            if owners.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Listed::UnknownPerson);
            }
            let filter = TokenFilter {
                user_type: wanted.user_type,
                owners,
                state: wanted.state,
                from: wanted.from,
                to: wanted.to,
                expired_at,
            };
            let rows = table::list(connection, &filter, seek.clone(), size)?;
            Ok(Listed::Rows(rows.map(|row| token(row, expired_at))))
        })
        .await
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
        .read(move |connection| {
            let rows = table::list(connection, &filter, Seek::First, limit)?;
            Ok(rows.map(|row| token(row, expired_at)).items)
        })
        .await
}

/// The place of a token in its list.
#[must_use]
pub fn place_of(token: &Token) -> Cursor {
    Cursor {
        value: String::new(),
        id: token.jti.as_str().to_owned(),
    }
}

/// A token with its session and the line of its rotations; none where it is not booked (any more).
///
/// # Errors
/// The store's.
pub async fn show(services: &Services, jti: Jti) -> Result<Option<TokenInSession>, Error> {
    let expired_at = services.clock.now() - services.tokens.leeway();
    services
        .store
        .read(move |connection| {
            let Some(row) = table::find(connection, &jti)? else {
                return Ok(None);
            };
            let session = sessions::find_by_id(connection, &row.session_id)?;
            let all = table::count_of_session(connection, &row.session_id)?;
            let chain = table::list_latest_of_session(connection, &row.session_id, CHAIN_SHOWN)?;
            let shown = i64::try_from(chain.len()).unwrap_or(all);
            let chain = chain.into_iter().map(|row| token(row, expired_at));
            Ok(Some(TokenInSession {
                session: session.map(Session::from),
                chain: chain.collect(),
                earlier: (all - shown).max(0),
                token: token(row, expired_at),
            }))
        })
        .await
}

/// Refuses a token from now on. Its session goes on as long as its access tokens live, and cannot be refreshed by it.
///
/// # Errors
/// The store's.
pub async fn blacklist(services: &Services, actor: Actor, jti: Jti) -> Result<Ending, Error> {
    let audit_context = services.audit_context(&actor);
    let now = audit_context.now;
    services
        .store
        .write(move |connection| {
            let Some(row) = table::find(connection, &jti)? else {
                return Ok(Ending::Unknown);
            };
            let new = NewBlacklistedToken {
                jti: row.jti,
                session_id: row.session_id,
                user_type: row.user_type,
                user_seq: row.user_seq,
                reason: RevocationReason::Administrator,
                blacklisted_at: now,
                expires_at: row.expires_at,
                successor: None,
            };
            if !blacklisted_tokens::insert(connection, &new)? {
                return Ok(Ending::Before);
            }
            let owner = Principal {
                user_type: new.user_type,
                user_seq: new.user_seq,
            };
            let event = Event::new(Action::TokenBlacklisted)
                .to(subject(connection, owner)?)
                .of_session(&new.session_id)
                .with_detail("token", &new.jti);
            audit_context.record(connection, &event)?;
            Ok::<_, Error>(Ending::Done)
        })
        .await
}

/// Whose tokens are looked for; none where no name was given, and nobody where nobody has it.
pub(crate) fn wanted_owners(
    connection: &mut Db,
    person: Option<&str>,
) -> Result<Option<Vec<Principal>>, StoreError> {
    person.map(|name| owners_of(connection, name)).transpose()
}

/// Whoever logs in by a name: an internal user of this e-mail address, a client of this username; or whom the form
/// `user:1`, `client:7` names, which finds the tokens of deleted accounts too.
pub(crate) fn owners_of(connection: &mut Db, name: &str) -> Result<Vec<Principal>, StoreError> {
    let mut owners = Vec::new();
    if let Some((word, digits)) = name.split_once(':')
        && let (Ok(user_type), Some(user_seq)) = (word.parse(), UserSeq::from_digits(digits))
    {
        owners.push(Principal {
            user_type,
            user_seq,
        });
    }
    if let Ok(email) = Email::parse(name)
        && let Some(user) = users::find_by_email(connection, email.normalised())?
    {
        owners.push(Principal::user(user.id));
    }
    if let Ok(username) = Username::parse(name)
        && let Some(client) = client_users::find_by_username(connection, username.normalised())?
    {
        owners.push(Principal::client(client.id));
    }
    Ok(owners)
}

/// The account of a row.
pub(crate) fn owner(
    user_type: UserType,
    user_seq: UserSeq,
    login: Option<String>,
    name: Option<String>,
) -> Owner {
    Owner {
        principal: Principal {
            user_type,
            user_seq,
        },
        login,
        name: name.unwrap_or_default(),
    }
}

fn token(row: TokenRow, expired_at: Timestamp) -> Token {
    let state = match row.reason {
        Some(RevocationReason::Rotated) => TokenState::Used,
        Some(_) => TokenState::Blacklisted,
        None if row.expires_at <= expired_at => TokenState::Expired,
        None => TokenState::Live,
    };
    Token {
        state,
        refused: row.reason.zip(row.blacklisted_at),
        owner: owner(row.user_type, row.user_seq, row.login, row.name),
        jti: row.jti,
        session: row.session_id,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
