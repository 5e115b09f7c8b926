//! Conversions between domain values and columns: one generic pair per type, for both databases.

use chrono::NaiveDateTime;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql},
    pg::Pg,
    serialize::{self, IsNull, Output, ToSql},
    sql_types,
    sqlite::Sqlite,
};

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::account_claims::AccountClaims;
use crate::domain::audit::{Action, AuditSource, Outcome};
use crate::domain::delivery::{DeliveryKind, DeliveryState};
use crate::domain::job::{JobKind, JobState};
use crate::domain::limits::LimitKind;
use crate::domain::preferences::Theme;
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::second_factor::ChallengePurpose;
use crate::domain::service::Scopes;
use crate::domain::session::{
    BrowserSessionId, ChallengeId, JobId, Jti, LoginMethod, PasskeyId, RevocationReason, SessionId,
};
use crate::domain::signing_key::KeyState;
use crate::domain::status_index::StatusIndex;
use crate::domain::webhook::{EventTypes, WebhookState};
use crate::store::engine::connection::MultiBackend;

impl ToSql<sql_types::Timestamp, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Timestamp, Pg>::to_sql(self.naive_utc(), out)
    }
}

/// The text that diesel stores for a `NaiveDateTime`, in a tenth of the time.
impl ToSql<sql_types::Timestamp, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.sqlite_text());
        Ok(IsNull::No)
    }
}

impl ToSql<sql_types::Timestamp, MultiBackend> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((sql_types::Timestamp, self));
        Ok(IsNull::No)
    }
}

impl<DB: Backend> FromSql<sql_types::Timestamp, DB> for Timestamp
where
    NaiveDateTime: FromSql<sql_types::Timestamp, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        NaiveDateTime::from_sql(value).map(Self::from_naive_utc)
    }
}

impl<DB: Backend> FromSql<sql_types::BigInt, DB> for UserSeq
where
    i64: FromSql<sql_types::BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Self::new(i64::from_sql(value)?)
            .ok_or_else(|| "a user_seq must be greater than zero".into())
    }
}

impl<DB: Backend> ToSql<sql_types::BigInt, DB> for UserSeq
where
    i64: ToSql<sql_types::BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.get_ref().to_sql(out)
    }
}

impl<DB: Backend> FromSql<sql_types::BigInt, DB> for StatusIndex
where
    i64: FromSql<sql_types::BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Self::new(i64::from_sql(value)?).ok_or_else(|| "a status index must not be negative".into())
    }
}

impl<DB: Backend> ToSql<sql_types::BigInt, DB> for StatusIndex
where
    i64: ToSql<sql_types::BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.get_ref().to_sql(out)
    }
}

/// The conversions of types that are stored as text: `as_str`, and the given parser.
macro_rules! text_columns {
    ($parse:ident: $($type:ty),+ $(,)?) => {$(
        impl<DB: Backend> ToSql<sql_types::Text, DB> for $type
        where
            str: ToSql<sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.as_str().to_sql(out)
            }
        }

        impl<DB: Backend> FromSql<sql_types::Text, DB> for $type
        where
            String: FromSql<sql_types::Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let text = String::from_sql(value)?;
                <$type>::$parse(&text).ok_or_else(|| concat!("not a ", stringify!($type)).into())
            }
        }
    )+};
}

text_columns!(parse: Jti, SessionId, ChallengeId, BrowserSessionId, JobId, PasskeyId);
text_columns!(
    from_word: DeliveryKind, DeliveryState, UserType, LimitKind, LoginMethod, RevocationReason, JobKind, JobState, Theme, AuditSource,
    Outcome, KeyState, ChallengePurpose, WebhookState,
);
text_columns!(from_stored: Role, Action, AccountClaims, Scopes, EventTypes);
