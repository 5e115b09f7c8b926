//! The tables `django_tokens`, the refresh tokens that Django issued, and of `imported_accounts` what concerns them: which
//! accounts came from Django, and until when their tokens of Django are refused.

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::config::UserIdField;
use crate::domain::account::normalised_login;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{Jti, SessionId};
use crate::store::engine::connection::Db;
use crate::store::engine::insert::OrIgnoreExt;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::statement::Sql;
use crate::store::schema::{client_users, django_tokens, imported_accounts, users};

/// A refresh token or sliding token of Django.
#[derive(Queryable, Insertable, Clone, Debug)]
#[diesel(table_name = django_tokens)]
pub struct DjangoTokenRow {
    /// Its id.
    pub jti: Jti,
    /// The population of its account.
    pub user_type: UserType,
    /// The number of its account.
    pub user_seq: UserSeq,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was blacklisted in Django.
    pub blacklisted_at: Option<Timestamp>,
    /// The session that began when it was exchanged.
    pub session_id: Option<SessionId>,
}

impl DjangoTokenRow {
    /// The account.
    #[must_use]
    pub fn owner(&self) -> Principal {
        Principal::new(self.user_type, self.user_seq)
    }
}

/// Finds a token by its id.
pub fn find(connection: &mut Db, jti: &Jti) -> Result<Option<DjangoTokenRow>, StoreError> {
    let row = django_tokens::table.find(jti);
    Ok(row.first(connection).optional()?)
}

/// Inserts a token that was not imported. Returns `false`, and changes nothing, if it is there already.
pub fn insert(connection: &mut Db, new: &DjangoTokenRow) -> Result<bool, StoreError> {
    let inserted = diesel::insert_into(django_tokens::table)
        .values(new)
        .or_ignore()
        .execute(connection)?;
    Ok(inserted == 1)
}

/// Records the session that begins with the exchange of a token, and the expiry of both. Returns `true` if this call did it: the token was neither
/// blacklisted nor exchanged.
pub fn set_session(
    connection: &mut Db,
    jti: &Jti,
    session: &SessionId,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let unused = django_tokens::table
        .find(jti)
        .filter(django_tokens::session_id.is_null())
        .filter(django_tokens::blacklisted_at.is_null());
    let updated = diesel::update(unused)
        .set((
            django_tokens::session_id.eq(Some(session)),
            django_tokens::expires_at.eq(expires_at),
        ))
        .execute(connection)?;
    Ok(updated == 1)
}

/// Blacklists a token that was neither blacklisted nor exchanged, also one that was not imported. Returns `true` if this call did
/// it.
pub fn blacklist(connection: &mut Db, new: &DjangoTokenRow) -> Result<bool, StoreError> {
    let unused = django_tokens::table
        .find(&new.jti)
        .filter(django_tokens::session_id.is_null())
        .filter(django_tokens::blacklisted_at.is_null());
    let updated = diesel::update(unused)
        .set(django_tokens::blacklisted_at.eq(new.blacklisted_at))
        .execute(connection)?;
    Ok(updated == 1 || insert(connection, new)?)
}

/// The last expiry of a token that was not blacklisted and, unless `with_exchanged`, not exchanged; `None` if there is none.
pub fn last_expiry(
    connection: &mut Db,
    with_exchanged: bool,
) -> Result<Option<Timestamp>, StoreError> {
    let tokens = django_tokens::table.into_boxed();
    let tokens = if with_exchanged {
        tokens
    } else {
        tokens.filter(django_tokens::session_id.is_null())
    };
    Ok(tokens
        .filter(django_tokens::blacklisted_at.is_null())
        .order(django_tokens::expires_at.desc())
        .select(django_tokens::expires_at)
        .first(connection)
        .optional()?)
}

/// The sources that are sites of Django.
const OF_DJANGO: &str = "django:%";

/// An account that came from Django.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The tokens that Django issued to it until then are refused.
    pub not_before: Option<Timestamp>,
    /// The fields of the last import, a JSON object.
    fields: String,
}

impl Imported {
    /// The same without a time until which tokens are refused.
    #[must_use]
    pub fn without_limit(self) -> Self {
        Self {
            not_before: None,
            ..self
        }
    }

    /// The digest of the password hash in Django, as SimpleJWT's `CHECK_REVOKE_TOKEN` writes it into tokens.
    #[must_use]
    pub fn password_digest(&self) -> Option<String> {
        let fields: Value = serde_json::from_str(&self.fields).ok()?;
        fields["password"].as_str().map(str::to_owned)
    }
}

/// Finds an account among those that came from Django.
pub fn find_imported(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<Imported>, StoreError> {
    let found = imported_accounts::table
        .find((owner.user_type, owner.user_seq))
        .filter(imported_accounts::source.like(OF_DJANGO))
        .select((
            imported_accounts::tokens_not_before,
            imported_accounts::fields,
        ))
        .first(connection)
        .optional()?;
    Ok(found.map(|(not_before, fields)| Imported { not_before, fields }))
}

/// The same, and locks the row until the end of the transaction.
pub fn lock_imported(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<Imported>, StoreError> {
    let row = imported_accounts::table
        .find((owner.user_type, owner.user_seq))
        .filter(imported_accounts::source.like(OF_DJANGO));
    let found = diesel::update(row)
        .set(imported_accounts::tokens_not_before.eq(imported_accounts::tokens_not_before))
        .returning((
            imported_accounts::tokens_not_before,
            imported_accounts::fields,
        ))
        .get_result(connection)
        .optional()?;
    Ok(found.map(|(not_before, fields)| Imported { not_before, fields }))
}

/// Refuses the tokens of Django that were issued to an account until now.
pub fn refuse_earlier(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(imported_accounts::table.find((owner.user_type, owner.user_seq)))
        .set(imported_accounts::tokens_not_before.eq(Some(now)))
        .execute(connection)?;
    Ok(())
}

/// Whether a password hash of Django is stored. Only a database with imported accounts is searched.
pub fn any_django_hash(connection: &mut Db) -> Result<bool, StoreError> {
    let is_django = "password_hash NOT LIKE '$%' AND password_hash NOT LIKE '!%'";
    let statement = format!(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM imported_accounts LIMIT 1) imported WHERE \
         EXISTS (SELECT 1 FROM users WHERE {is_django}) OR EXISTS (SELECT 1 FROM client_users WHERE {is_django})"
    );
    Ok(load_count(connection, Sql::new(&statement))? > 0)
}

/// The internal user in whom a field has exactly this value.
pub fn find_user(
    connection: &mut Db,
    field: UserIdField,
    value: &str,
) -> Result<Option<UserSeq>, StoreError> {
    let ids = users::table.select(users::id).into_boxed();
    // The normalised columns have the indexes.
    let login = normalised_login(value);
    let row = match field {
        UserIdField::UserSeq => return Ok(UserSeq::from_digits(value)),
        UserIdField::ExternalId => ids.filter(users::external_id.eq(value)),
        UserIdField::Username => ids
            .filter(users::username_normalized.eq(login))
            .filter(users::username.eq(value)),
        UserIdField::Email => ids
            .filter(users::email_normalized.eq(login))
            .filter(users::email.eq(value)),
    };
    Ok(row.first(connection).optional()?)
}

/// The client user with this external id.
pub fn find_client_by_external_id(
    connection: &mut Db,
    id: &str,
) -> Result<Option<UserSeq>, StoreError> {
    let row = client_users::table.filter(client_users::external_id.eq(id));
    Ok(row.select(client_users::id).first(connection).optional()?)
}
