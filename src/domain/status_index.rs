//! The place of a session in the status lists (IETF Token Status List, draft-ietf-oauth-status-list).

use diesel::{deserialize::FromSqlRow, expression::AsExpression};

/// The number of indexes in a list: 2^20, so that a list of one bit for each is 128 KiB before it is compressed.
pub const LIST_SIZE: u32 = 1 << 20;

/// An index over all status lists. It belongs to one session and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
pub struct StatusIndex(i64);

impl StatusIndex {
    /// `None` if the number is negative.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        (number >= 0).then_some(Self(number))
    }

    /// The number of its list.
    #[must_use]
    pub fn list(self) -> u64 {
        self.0.unsigned_abs() / u64::from(LIST_SIZE)
    }

    /// Its place in the list: the claim `idx`.
    #[must_use]
    pub fn position(self) -> u32 {
        u32::try_from(self.0.unsigned_abs() % u64::from(LIST_SIZE)).unwrap_or(0)
    }

    /// A reference to the number, for binding it to a query.
    #[must_use]
    pub fn get_ref(&self) -> &i64 {
        &self.0
    }
}
