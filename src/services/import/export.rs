//! The export of accounts, an account a line as JSON, which an import reads.

use chrono::SecondsFormat;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::account_claims::AccountClaims;
use crate::domain::audit::{Action, Actor};
use crate::domain::principal::{UserSeq, UserType};
use crate::services::audit::log::Event;
use crate::services::audit::recording::record;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::StoreError;
use crate::store::client_users::ClientRow;
use crate::store::imports::accounts as table;
use crate::store::users::UserRow;

/// How many accounts are read at once.
const BATCH: i64 = 1_000;

/// A line.
#[derive(Serialize)]
struct ExportedAccount {
    #[serde(rename = "type")]
    user_type: UserType,
    user_seq: UserSeq,
    external_id: Option<String>,
    email: Option<String>,
    /// None without an e-mail address.
    email_verified: Option<bool>,
    username: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    is_active: bool,
    #[expect(clippy::option_option, reason = "left out and none are different")]
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<Option<String>>,
    last_login_at: Option<String>,
    created_at: String,
    claims: Option<AccountClaims>,
}

/// With microseconds, so that nothing is lost.
fn exact(at: Timestamp) -> String {
    at.naive_utc()
        .and_utc()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl ExportedAccount {
    fn of_user(row: UserRow, with_hashes: bool) -> Self {
        Self {
            user_type: UserType::User,
            user_seq: row.id,
            email_verified: row.account().email_verified(),
            external_id: row.external_id,
            email: row.email,
            username: row.username,
            name: row.name,
            phone: None,
            role: Some(row.role.to_string()),
            is_active: row.is_active,
            password_hash: with_hashes.then_some(row.password_hash),
            last_login_at: row.last_login_at.map(exact),
            created_at: exact(row.created_at),
            claims: row.claims,
        }
    }

    fn of_client(row: ClientRow, with_hashes: bool) -> Self {
        Self {
            user_type: UserType::Client,
            user_seq: row.id,
            email_verified: row.account().email_verified(),
            external_id: row.external_id,
            email: row.email,
            username: Some(row.username),
            name: row.name,
            phone: row.phone,
            role: None,
            is_active: row.is_active,
            password_hash: with_hashes.then_some(row.password_hash),
            last_login_at: row.last_login_at.map(exact),
            created_at: exact(row.created_at),
            claims: row.claims,
        }
    }
}

/// Records the export, and passes the lines of all accounts, or those of one user type, to `write`, until it returns
/// `false`.
///
/// # Errors
/// Errors of the store.
pub async fn export(
    services: &Services,
    actor: Actor,
    user_type: Option<UserType>,
    with_hashes: bool,
    mut write: impl FnMut(&str) -> bool,
) -> Result<(), Error> {
    let event = Event::new(Action::Exported)
        .with_detail("list", user_type.map_or("accounts", UserType::as_str))
        .with_detail("password_hashes", with_hashes);
    record(services, actor, event).await?;
    let types = UserType::ALL.into_iter();
    for user_type in types.filter(|of| user_type.is_none_or(|only| only == *of)) {
        let mut after = 0;
        loop {
            let read = move |connection: &mut _| {
                Ok::<Vec<ExportedAccount>, StoreError>(match user_type {
                    UserType::User => table::users_after(connection, after, BATCH)?
                        .into_iter()
                        .map(|row| ExportedAccount::of_user(row, with_hashes))
                        .collect(),
                    UserType::Client => table::clients_after(connection, after, BATCH)?
                        .into_iter()
                        .map(|row| ExportedAccount::of_client(row, with_hashes))
                        .collect(),
                })
            };
            let accounts = services.store.read_list(read).await?;
            let Some(last) = accounts.last() else { break };
            after = last.user_seq.get();
            for account in &accounts {
                let line = serde_json::to_string(account).unwrap_or_default();
                if !write(&line) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
