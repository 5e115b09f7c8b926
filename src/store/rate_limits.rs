//! The table that counts events per bucket within a window of time, and locks buckets that have had enough, so that all
//! instances count together. How much is enough is the services' rule.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::{
        limits::LimitKind,
        paging::{Seek, Slice},
        principal::{UserSeq, UserType},
    },
    store::{
        engine::connection::Db,
        error::StoreError,
        pagination::{
            filter::{Facet, Found, Walked},
            keyset::{Key, Values},
            listing::Listing,
            search::pattern,
            statement::{Bind, Conditions},
        },
        schema::rate_limits,
    },
};

/// What is counted together, and what is told of it while it is locked.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name: what is limited, and for whom.
    pub name: String,
    /// What is limited; none for a count whose lock nobody has to know of.
    pub kind: Option<LimitKind>,
    /// The population of the account; none for an address.
    pub user_type: Option<UserType>,
    /// What the account logs in by, normalised, or the address; none where what was typed can be no name.
    pub subject: Option<String>,
}

/// A bucket after an event was counted.
#[derive(QueryableByName, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Events in this window, the new one included.
    #[diesel(sql_type = BigInt)]
    pub hits: i64,
    /// When the window ends.
    #[diesel(sql_type = SqlTimestamp)]
    pub expires_at: Timestamp,
    /// The bucket was locked already, until then: nothing was counted.
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    pub locked_until: Option<Timestamp>,
}

/// Counts an event in a bucket that is not locked, atomically: its row stays locked until the transaction ends. The first
/// event of a window opens it until `window_end`, and each one moves its end there where the window `slides`.
pub fn count(
    connection: &mut Db,
    bucket: &Bucket,
    now: Timestamp,
    window_end: Timestamp,
    slides: bool,
) -> Result<Count, StoreError> {
    // One statement for both databases, `$n` included; diesel has no ON CONFLICT on the enum.
    let statement = "INSERT INTO rate_limits (bucket, hits, expires_at, kind, user_type, subject) \
        VALUES ($1, 1, $2, $3, $4, $5) ON CONFLICT (bucket) DO UPDATE SET \
        hits = CASE WHEN rate_limits.locked_until > $6 THEN rate_limits.hits \
            WHEN rate_limits.expires_at <= $6 THEN 1 ELSE rate_limits.hits + 1 END, \
        expires_at = CASE WHEN rate_limits.locked_until > $6 THEN rate_limits.expires_at \
            WHEN rate_limits.expires_at <= $6 OR $7 THEN excluded.expires_at ELSE rate_limits.expires_at END, \
        locked_until = CASE WHEN rate_limits.locked_until > $6 THEN rate_limits.locked_until ELSE NULL END \
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

/// Takes one event back, and the lock with it that it began (`own_lock`), or that stands on fewer than `enough` events now.
/// A bucket without events goes.
pub fn take_back(
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
    // Afterwards: the row is locked now, so of two at once the second one finds that none is left.
    let empty = rate_limits::table
        .find(bucket)
        .filter(rate_limits::hits.le(0));
    diesel::delete(empty).execute(connection)?;
    Ok(())
}

/// Forgets what a bucket has counted.
pub fn clear(connection: &mut Db, bucket: &str) -> Result<(), StoreError> {
    diesel::delete(rate_limits::table.find(bucket)).execute(connection)?;
    Ok(())
}

/// Which of these buckets are locked, and until when.
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

/// Forgets all that was counted for an account; how many of its buckets were locked.
pub fn forget_account(
    connection: &mut Db,
    user_type: UserType,
    subject: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let all = rate_limits::table
        .filter(rate_limits::user_type.eq(user_type.as_str()))
        .filter(rate_limits::subject.eq(subject));
    let gone: Vec<(Option<String>, Option<Timestamp>)> = diesel::delete(all)
        .returning((rate_limits::kind, rate_limits::locked_until))
        .load(connection)?;
    let was_locked = |(kind, until): &&(Option<String>, Option<Timestamp>)| {
        kind.is_some() && until.is_some_and(|until| until > now)
    };
    Ok(gone.iter().filter(was_locked).count())
}

/// A locked bucket.
#[derive(QueryableByName, Clone, Debug)]
pub struct LockRow {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub bucket: String,
    /// What is limited.
    #[diesel(sql_type = Text)]
    pub kind: LimitKind,
    /// The population of the account; none for an address.
    #[diesel(sql_type = Nullable<Text>)]
    pub user_type: Option<UserType>,
    /// What the account logs in by, or the address.
    #[diesel(sql_type = Nullable<Text>)]
    pub subject: Option<String>,
    /// How many events it has counted.
    #[diesel(sql_type = BigInt)]
    pub hits: i64,
    /// Since when it is locked.
    #[diesel(sql_type = SqlTimestamp)]
    pub locked_at: Timestamp,
    /// Until when.
    #[diesel(sql_type = SqlTimestamp)]
    pub locked_until: Timestamp,
    /// The number of the account; none where none has this name.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub user_seq: Option<UserSeq>,
}

/// Which locks are listed.
#[derive(Clone, Debug, Default)]
pub struct LockFilter {
    /// A part of the name or the address.
    pub search: Option<String>,
    /// Of this kind.
    pub kind: Option<LimitKind>,
    /// Of the account with exactly this name.
    pub account: Option<(UserType, String)>,
    /// Of this bucket.
    pub bucket: Option<String>,
}

/// So many locks are put in order as they are: each holds for an hour at most, and there are never more of them.
const FEW_LOCKS: i64 = 1_000_000_000;

/// A page of the locks that hold now, the latest first.
pub fn list(
    connection: &mut Db,
    filter: &LockFilter,
    now: Timestamp,
    seek: Seek<(Timestamp, String)>,
    size: i64,
) -> Result<Slice<LockRow>, StoreError> {
    let conditions = conditions(filter, now);
    let listing = Listing {
        select: "r.bucket, r.kind, r.user_type, r.subject, r.hits, r.locked_at, r.locked_until, CASE r.user_type \
            WHEN 'user' THEN (SELECT id FROM users WHERE email_normalized = r.subject) \
            WHEN 'client' THEN (SELECT id FROM client_users WHERE username_normalized = r.subject) END AS user_seq",
        from: "rate_limits r",
        from_few: "rate_limits r",
        walked: "rate_limits r",
        facets: vec![Facet {
            found: Some(Found {
                few: FEW_LOCKS,
                ..Found::of("rate_limits r", conditions.clone(), "")
            }),
            passing: conditions,
            walked: Walked::No,
        }],
        key: Key {
            column: "r.locked_at",
            id: "r.bucket",
            values: Values::TimeAndText,
            descending: true,
        },
        walk: FEW_LOCKS,
    };
    let seek = seek
        .try_map(|(at, bucket)| Some((Bind::from(at), Bind::from(bucket.as_str()))))
        .unwrap_or(Seek::First);
    listing.page(connection, &seek, size)
}

fn conditions(filter: &LockFilter, now: Timestamp) -> Conditions {
    let mut all = Conditions::default();
    // A count without a kind locks too, but is no lock that anybody has to know of.
    all.and("r.locked_until > ? AND r.kind IS NOT NULL", [now.into()]);
    if let Some(part) = &filter.search {
        all.and("r.subject LIKE ? ESCAPE '\\'", [pattern(part).into()]);
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
