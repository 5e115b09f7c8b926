//! Tokens that Django issued, in the table `django_tokens`.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::{UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::imports::insert::insert_many;
use crate::store::schema::django_tokens;

/// A token to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = django_tokens, treat_none_as_default_value = false)]
pub struct DjangoToken {
    /// Its id.
    pub jti: String,
    /// The user type of its account.
    pub user_type: UserType,
    /// The number of its account.
    pub user_seq: UserSeq,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Since when Django has it on the blacklist.
    pub blacklisted_at: Option<Timestamp>,
    /// It has not been exchanged.
    pub session_id: Option<String>,
}

insert_many! {
    /// Inserts tokens.
    insert, django_tokens, DjangoToken
}

/// Whether there are none.
pub fn is_empty(connection: &mut Db) -> Result<bool, StoreError> {
    let any = django_tokens::table.select(django_tokens::jti);
    Ok(any.first::<String>(connection).optional()?.is_none())
}

/// Those of the ids that are stored.
pub fn find(connection: &mut Db, ids: &[String]) -> Result<HashSet<String>, StoreError> {
    let found: Vec<String> = django_tokens::table
        .filter(django_tokens::jti.eq_any(ids.to_vec()))
        .select(django_tokens::jti)
        .load(connection)?;
    Ok(found.into_iter().collect())
}

/// How many of the ids are those of tokens that were neither blacklisted nor exchanged.
pub fn count_live(connection: &mut Db, ids: &[String]) -> Result<u64, StoreError> {
    let live: i64 = django_tokens::table
        .filter(django_tokens::jti.eq_any(ids.to_vec()))
        .filter(django_tokens::blacklisted_at.is_null())
        .filter(django_tokens::session_id.is_null())
        .count()
        .get_result(connection)?;
    Ok(u64::try_from(live).unwrap_or(0))
}

/// Blacklists a token that was neither blacklisted nor exchanged. Returns `true` if this call did it.
pub fn blacklist(connection: &mut Db, jti: &str, at: Timestamp) -> Result<bool, StoreError> {
    let live = django_tokens::table
        .find(jti)
        .filter(django_tokens::blacklisted_at.is_null())
        .filter(django_tokens::session_id.is_null());
    let changed = diesel::update(live).set(django_tokens::blacklisted_at.eq(at));
    Ok(changed.execute(connection)? == 1)
}
