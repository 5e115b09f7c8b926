//! The table `rate_limits`: counts of events within a time window, one row for each limited thing (bucket), and locks
//! of buckets. All instances share the counts. The limits are rules of the services.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::limits::LimitKind;
use crate::domain::paging::{Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::keyset::{KeyTypes, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::search::normalised_pattern;
use crate::store::pagination::statement::Conditions;
use crate::store::schema::rate_limits;

/// A limited thing, and how the admin panel describes its lock.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The name: what is limited, and for which account or address.
    pub name: String,
    /// What is limited; `None` if the lock is not listed.
    pub kind: Option<LimitKind>,
    /// The user type of the account; `None` for an address.
    pub user_type: Option<UserType>,
    /// The normalised login name of the account, or the address; `None` if the typed text cannot be a login name.
    pub subject: Option<String>,
}

/// The state of a bucket after an event was counted.
#[derive(QueryableByName, Clone, Copy, Debug, PartialEq, Eq)]
#[diesel(table_name = rate_limits)]
pub struct Count {
    /// The events in this window, including the new one.
    pub hits: i64,
    /// When the window ends.
    pub expires_at: Timestamp,
    /// The end of the lock if the bucket was locked before. Nothing was counted then.
    pub locked_until: Option<Timestamp>,
}

/// Counts an event in a bucket that is not locked. The statement is atomic, and its row stays locked until the
/// transaction ends. The first event begins a window that ends at `window_end`. If the window `slides`, every event
/// sets its end again. The subject becomes that of the last event: an account may have got the name meanwhile.
pub fn count(
    connection: &mut Db,
    bucket: &Bucket,
    now: Timestamp,
    window_end: Timestamp,
    slides: bool,
) -> Result<Count, StoreError> {
    // Raw SQL: diesel has no ON CONFLICT for `MultiConnection`. Both databases accept the statement.
    let statement = "INSERT INTO rate_limits (bucket, hits, expires_at, kind, user_type, subject) \
        VALUES ($1, 1, $2, $3, $4, $5) ON CONFLICT (bucket) DO UPDATE SET \
        hits = CASE WHEN rate_limits.locked_until > $6 THEN rate_limits.hits \
            WHEN rate_limits.expires_at <= $6 THEN 1 ELSE rate_limits.hits + 1 END, \
        expires_at = CASE WHEN rate_limits.locked_until > $6 THEN rate_limits.expires_at \
            WHEN rate_limits.expires_at <= $6 OR $7 THEN excluded.expires_at ELSE rate_limits.expires_at END, \
        locked_until = CASE WHEN rate_limits.locked_until > $6 THEN rate_limits.locked_until ELSE NULL END, \
        subject = excluded.subject \
        RETURNING hits, expires_at, locked_until";
    Ok(diesel::sql_query(statement)
        .bind::<Text, _>(&bucket.name)
        .bind::<SqlTimestamp, _>(window_end)
        .bind::<Nullable<Text>, _>(bucket.kind)
        .bind::<Nullable<Text>, _>(bucket.user_type)
        .bind::<Nullable<Text>, _>(bucket.subject.as_deref())
        .bind::<SqlTimestamp, _>(now)
        .bind::<Bool, _>(slides)
        .get_result(connection)?)
}

/// Locks a bucket.
pub fn lock(
    connection: &mut Db,
    bucket: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(rate_limits::table.find(bucket))
        .set((
            rate_limits::locked_at.eq(Some(now)),
            rate_limits::locked_until.eq(Some(until)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Writes a bucket's row without changing it: where a write must take as long for a name that no account has.
pub fn touch(connection: &mut Db, bucket: &str) -> Result<(), StoreError> {
    diesel::update(rate_limits::table.find(bucket))
        .set(rate_limits::hits.eq(rate_limits::hits))
        .execute(connection)?;
    Ok(())
}

/// Subtracts one event. Also removes the lock if this event caused it (it ends at `own_lock`), or if fewer than
/// `enough` events are left. A bucket without events is deleted.
pub fn subtract(
    connection: &mut Db,
    bucket: &str,
    enough: i64,
    own_lock: Option<Timestamp>,
) -> Result<(), StoreError> {
    let statement = "UPDATE rate_limits SET hits = hits - 1, locked_until = \
        CASE WHEN hits - 1 < $1 OR locked_until = $2 THEN NULL ELSE locked_until END WHERE bucket = $3";
    diesel::sql_query(statement)
        .bind::<BigInt, _>(enough)
        .bind::<Nullable<SqlTimestamp>, _>(own_lock)
        .bind::<Text, _>(bucket)
        .execute(connection)?;
    // The update has locked the row: of two concurrent calls the second one sees the final count.
    let empty = rate_limits::table
        .find(bucket)
        .filter(rate_limits::hits.le(0));
    diesel::delete(empty).execute(connection)?;
    Ok(())
}

/// Deletes a bucket.
pub fn delete(connection: &mut Db, bucket: &str) -> Result<(), StoreError> {
    diesel::delete(rate_limits::table.find(bucket)).execute(connection)?;
    Ok(())
}

/// Finds the locked ones of these buckets, with the ends of their locks.
pub fn find_locked(
    connection: &mut Db,
    buckets: &[String],
    now: Timestamp,
) -> Result<Vec<(String, Timestamp)>, StoreError> {
    Ok(rate_limits::table
        .filter(rate_limits::bucket.eq_any(buckets))
        .filter(rate_limits::locked_until.gt(now))
        .select((
            rate_limits::bucket,
            rate_limits::locked_until.assume_not_null(),
        ))
        .load(connection)?)
}

/// Deletes all buckets of an account. Returns how many listed locks were removed.
pub fn delete_for_account(
    connection: &mut Db,
    user_type: UserType,
    subject: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let all = rate_limits::table
        .filter(rate_limits::user_type.eq(user_type.as_str()))
        .filter(rate_limits::subject.eq(subject));
    let deleted: Vec<(Option<String>, Option<Timestamp>)> = diesel::delete(all)
        .returning((rate_limits::kind, rate_limits::locked_until))
        .load(connection)?;
    let was_locked = |(kind, until): &&(Option<String>, Option<Timestamp>)| {
        kind.is_some() && until.is_some_and(|until| until > now)
    };
    Ok(deleted.iter().filter(was_locked).count())
}

/// A locked bucket.
#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = rate_limits)]
pub struct LockRow {
    /// The name.
    pub bucket: String,
    /// What is limited.
    #[diesel(sql_type = Text)]
    pub kind: LimitKind,
    /// The user type of the account; `None` for an address.
    pub user_type: Option<UserType>,
    /// The login name of the account, or the address.
    pub subject: Option<String>,
    /// The number of events.
    pub hits: i64,
    /// When it was locked.
    #[diesel(sql_type = SqlTimestamp)]
    pub locked_at: Timestamp,
    /// When the lock ends.
    #[diesel(sql_type = SqlTimestamp)]
    pub locked_until: Timestamp,
    /// The id of the account; `None` if no account has this login name.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub user_seq: Option<UserSeq>,
}

impl LockRow {
    /// The account; `None` if it is an address, or no account has this login name.
    #[must_use]
    pub fn account(&self) -> Option<Principal> {
        Some(Principal::new(self.user_type?, self.user_seq?))
    }

    /// Whether only a known device of the account is locked.
    #[must_use]
    pub fn is_of_device(&self) -> bool {
        self.user_type.is_some() && self.bucket.contains("device:")
    }
}

/// The locks of a list.
#[derive(Clone, Debug, Default)]
pub struct LockFilter {
    /// A part of the login name or the address.
    pub search: Option<String>,
    /// Only of this kind.
    pub kind: Option<LimitKind>,
    /// Only of the account with exactly this login name.
    pub account: Option<(UserType, String)>,
    /// Only of this bucket.
    pub bucket: Option<String>,
}

/// Locks are always sorted as a whole: each lasts for a limited time, so there are never many.
const NO_LIMIT: i64 = 1_000_000_000;

/// Reads a page of the current locks, newest first.
pub fn list(
    connection: &mut Db,
    filter: &LockFilter,
    now: Timestamp,
    seek: Seek<(Timestamp, String)>,
    size: i64,
) -> Result<Slice<LockRow>, StoreError> {
    let conditions = conditions(filter, now);
    let list = ListQuery {
        select: "\
            r.bucket, r.kind, r.user_type, r.subject, r.hits, r.locked_at, r.locked_until, CASE r.user_type \
            WHEN 'user' THEN (SELECT MIN(id) FROM users WHERE COALESCE(email_normalized, username_normalized) = r.subject) \
            WHEN 'client' THEN (SELECT id FROM client_users WHERE username_normalized = r.subject) END AS user_seq"
            .into(),
        from: "rate_limits r",
        from_selective: "rate_limits r",
        scanned: "rate_limits r",
        filters: vec![Filter {
            index: Some(IndexLookup {
                selective_limit: NO_LIMIT,
                ..IndexLookup::new("rate_limits r", conditions.clone())
            }),
            residual: conditions,
            scan: ScanCondition::Residual,
        }],
        key: SortKey {
            column: "r.locked_at",
            id: "r.bucket",
            types: KeyTypes::TimeAndText,
            descending: true,
        },
        scan_budget: NO_LIMIT,
    };
    let seek = seek.filter_map(|(at, bucket)| Some((at.into(), bucket.into())));
    list.page(connection, &seek, size)
}

fn conditions(filter: &LockFilter, now: Timestamp) -> Conditions {
    let mut all = Conditions::default();
    // Locks without a kind are not listed.
    all.and("r.locked_until > ? AND r.kind IS NOT NULL", [now.into()]);
    if let Some(part) = &filter.search {
        all.and(
            "r.subject LIKE ? ESCAPE '\\'",
            [normalised_pattern(part).into()],
        );
    }
    if let Some(kind) = filter.kind {
        all.and("r.kind = ?", [kind.as_str().into()]);
    }
    if let Some((user_type, subject)) = &filter.account {
        let values = [user_type.as_str().into(), subject.as_str().into()];
        all.and("r.user_type = ? AND r.subject = ?", values);
    }
    if let Some(bucket) = &filter.bucket {
        all.and("r.bucket = ?", [bucket.as_str().into()]);
    }
    all
}
