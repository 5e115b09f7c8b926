//! Databases of the measured servers. Rows are inserted with munjigi's store; tokens are issued with the server's key.

use std::{path::PathBuf, sync::OnceLock, time::Duration};

use diesel::{Connection as _, RunQueryDsl, sql_types::BigInt};
use munjigi::{
    clock::Clock,
    config::{Algorithm, TokensConfig},
    domain::{
        account::{Account, Role},
        password::Password,
        session::{Jti, LoginMethod, SessionId},
        text::searchable,
    },
    services::passwords::scheme::StoredHash,
    store::{
        Db, Target,
        client_users::{self, NewClient},
        engine::migrations,
        outstanding_tokens::{self, NewOutstandingToken},
        sessions::{self, NewSession},
        users::{self, NewUser},
    },
    tokens::{SigningKey, TokenSession, Tokens},
};

use crate::Result;

/// The signing key of the measured servers.
pub const SIGNING_KEY: &str = "only for the benches: a signing key of at least 32 bytes";
/// The password of all accounts.
pub const PASSWORD: &str = "correct horse battery staple";
/// The bcrypt cost: munjigi's default.
pub const COST: u32 = 12;

/// A database.
pub enum Database {
    /// The path of a file.
    Sqlite(PathBuf),
    /// A URL.
    Postgres(String),
}

/// The tokens of a logged-in user.
pub struct LoggedIn {
    pub access: String,
    pub refresh: String,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Database {
    /// The value of `DATABASE_URL`.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// A connection for reading and writing.
    pub fn connect(&self) -> Result<Db> {
        let target = match self {
            Self::Sqlite(path) => Target::Sqlite {
                path: path.clone(),
                busy_timeout: Duration::from_secs(5),
            },
            Self::Postgres(url) => Target::Postgres { url: url.clone() },
        };
        Ok(target.connect()?)
    }

    /// Runs the migrations.
    pub fn migrate(&self) -> Result<Db> {
        let mut connection = self.connect()?;
        migrations::migrate(&mut connection)?;
        Ok(connection)
    }

    /// The number of rotated tokens.
    pub fn count_blacklisted(&self) -> Result<i64> {
        self.count("SELECT count(*) AS count FROM blacklisted_tokens WHERE reason = 'rotated'")
    }

    /// The result of a `SELECT count(*) AS count …`.
    pub fn count(&self, query: &str) -> Result<i64> {
        let query = diesel::sql_query(query);
        Ok(query.get_result::<Count>(&mut self.connect()?)?.count)
    }
}

/// The e-mail address of a user created by [`add_logged_in`] or [`add_users`].
pub fn email(number: usize) -> String {
    format!("user-{number:05}@example.org")
}

/// The username of a client created by [`add_clients`].
pub fn username(number: usize) -> String {
    format!("client-{number:05}")
}

/// Adds internal users with [`PASSWORD`].
pub fn add_users(
    connection: &mut Db,
    numbers: std::ops::Range<usize>,
    is_active: bool,
) -> Result<Vec<Account>> {
    let now = Clock::System.now();
    let hash = password_hash()?;
    connection.transaction(|connection| {
        numbers
            .map(|number| {
                let new = NewUser {
                    email: Some(email(number)),
                    email_normalized: Some(email(number)),
                    username: None,
                    username_normalized: None,
                    external_id: None,
                    name: format!("User {number}"),
                    name_normalized: format!("user {number}"),
                    role: Role::STAFF,
                    password_hash: Some(hash.clone()),
                    is_active,
                    claims: None,
                    email_verified_at: None,
                    created_at: now,
                    updated_at: now,
                    search_text: searchable(&[&email(number), &format!("User {number}")]),
                };
                Ok(users::insert(connection, &new)?.account())
            })
            .collect()
    })
}

/// Adds clients without a password.
pub fn add_clients(connection: &mut Db, numbers: impl Iterator<Item = usize>) -> Result<()> {
    let now = Clock::System.now();
    connection.transaction(|connection| {
        for number in numbers {
            let new = NewClient {
                username: username(number),
                username_normalized: username(number),
                external_id: None,
                name: format!("Client {number}"),
                name_normalized: format!("client {number}"),
                email: None,
                email_normalized: None,
                phone: None,
                password_hash: None,
                is_active: true,
                claims: None,
                email_verified_at: None,
                created_at: now,
                updated_at: now,
                search_text: searchable(&[&username(number), &format!("Client {number}")]),
            };
            client_users::insert(connection, &new)?;
        }
        Ok(())
    })
}

/// Adds users, each with a session.
pub fn add_logged_in(
    connection: &mut Db,
    numbers: std::ops::Range<usize>,
) -> Result<Vec<LoggedIn>> {
    let accounts = add_users(connection, numbers, true)?;
    let tokens = Tokens::new(
        TokensConfig::default(),
        SigningKey::from_private_bytes(Algorithm::Hs256, SIGNING_KEY.as_bytes())?,
    );
    connection.transaction(|connection| {
        accounts
            .iter()
            .map(|account| log_in(connection, &tokens, account))
            .collect()
    })
}

fn log_in(connection: &mut Db, tokens: &Tokens, account: &Account) -> Result<LoggedIn> {
    let now = Clock::System.now();
    let (session, jti) = (SessionId::new(now), Jti::new(now));
    let owner = account.principal;
    let expires_at = tokens.refresh_expiry(owner.user_type, now);
    let access_until = tokens.access_expiry(owner.user_type, now, expires_at);
    let new_session = NewSession {
        access_expires_at: Some(access_until),
        kid: Some(tokens.key_id()),
        status_index: None,
        authenticated_at: None,
        amr: None,
        id: session.clone(),
        user_type: owner.user_type,
        user_seq: owner.user_seq,
        method: LoginMethod::Password,
        ip_address: Some("127.0.0.1".to_owned()),
        user_agent: None,
        created_at: now,
        last_used_at: now,
        expires_at,
        absolute_expires_at: tokens.session_expiry(owner.user_type, now),
    };
    sessions::insert(connection, &new_session)?;
    let new_token = NewOutstandingToken {
        jti: jti.clone(),
        session_id: session.clone(),
        user_type: owner.user_type,
        user_seq: owner.user_seq,
        created_at: now,
        expires_at,
    };
    outstanding_tokens::insert(connection, &new_token)?;
    let token_session = TokenSession {
        id: &session,
        status: None,
        authentication: None,
    };
    Ok(LoggedIn {
        access: tokens
            .issue_access(account, &token_session, &Jti::new(now), now, access_until)?
            .token,
        refresh: tokens
            .issue_refresh(account, &session, &jti, now, expires_at)?
            .token,
    })
}

/// The hash of [`PASSWORD`], computed once because it is slow.
fn password_hash() -> Result<String> {
    static HASH: OnceLock<std::result::Result<String, String>> = OnceLock::new();
    let hash = HASH.get_or_init(|| {
        let password = Password::parse(PASSWORD).map_err(|_| "not a password")?;
        let hash = StoredHash::fresh(&password, COST).map_err(|error| error.to_string())?;
        Ok(hash.to_stored())
    });
    Ok(hash.clone()?)
}
