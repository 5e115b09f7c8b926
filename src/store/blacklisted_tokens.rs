//! The table of refresh tokens that are refused although they have not expired.

use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::{
        paging::{Seek, Slice},
        principal::{Principal, UserSeq, UserType},
        session::{Jti, RevocationReason, SessionId},
    },
    store::{
        engine::{connection::Db, insert::OrIgnoreExt},
        error::StoreError,
        pagination::{
            filter::{Facet, Found, Walked},
            keyset::{Key, Values},
            listing::Listing,
            statement::{Bind, Conditions},
        },
        schema::{blacklisted_tokens, outstanding_tokens},
        token_owners::{Owned, owner_columns},
    },
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = blacklisted_tokens)]
pub struct NewBlacklistedToken {
    /// The token's id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Whose it is: the population …
    pub user_type: UserType,
    /// … and the number in it.
    pub user_seq: UserSeq,
    /// Why it is refused.
    pub reason: RevocationReason,
    /// Since when.
    pub blacklisted_at: Timestamp,
    /// When it expires, and the row may go.
    pub expires_at: Timestamp,
    /// What it was exchanged for, where it was.
    pub successor: Option<Jti>,
}

/// Blacklists a token, if it was not before; whether it was I. This row count is what makes a rotation "use once".
pub fn insert(connection: &mut Db, new: &NewBlacklistedToken) -> Result<bool, StoreError> {
    Ok(diesel::insert_into(blacklisted_tokens::table)
        .values(new)
        .or_ignore()
        .execute(connection)?
        == 1)
}

/// Whether a token is blacklisted.
pub fn contains(connection: &mut Db, jti: &Jti) -> Result<bool, StoreError> {
    Ok(diesel::select(exists(blacklisted_tokens::table.find(jti))).get_result(connection)?)
}

/// Copies tokens into the blacklist, passing over those that stand there already.
macro_rules! blacklist {
    ($connection:expr, $tokens:expr, $now:expr, $reason:expr) => {{
        let rows = $tokens.select((
            outstanding_tokens::jti,
            outstanding_tokens::session_id,
            outstanding_tokens::user_type,
            outstanding_tokens::user_seq,
            $reason.into_sql::<Text>(),
            $now.into_sql::<SqlTimestamp>(),
            outstanding_tokens::expires_at,
        ));
        let columns = (
            blacklisted_tokens::jti,
            blacklisted_tokens::session_id,
            blacklisted_tokens::user_type,
            blacklisted_tokens::user_seq,
            blacklisted_tokens::reason,
            blacklisted_tokens::blacklisted_at,
            blacklisted_tokens::expires_at,
        );
        let copied = rows
            .insert_into(blacklisted_tokens::table)
            .into_columns(columns)
            .or_ignore();
        Ok(copied.execute($connection)?)
    }};
}

/// Blacklists the refresh tokens of a session that expire after `alive_after`; how many.
pub fn insert_for_session(
    connection: &mut Db,
    session: &SessionId,
    alive_after: Timestamp,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    let tokens = outstanding_tokens::table
        .filter(outstanding_tokens::session_id.eq(session))
        .filter(outstanding_tokens::expires_at.gt(alive_after));
    blacklist!(connection, tokens, now, reason)
}

/// Blacklists the refresh tokens of an account that expire after `alive_after`; how many.
pub fn insert_for_account(
    connection: &mut Db,
    owner: Principal,
    alive_after: Timestamp,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    use crate::store::schema::sessions;
    let its_sessions = sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .select(sessions::id);
    let tokens = outstanding_tokens::table
        .filter(outstanding_tokens::session_id.eq_any(its_sessions))
        .filter(outstanding_tokens::expires_at.gt(alive_after));
    blacklist!(connection, tokens, now, reason)
}

/// The token that a used one was exchanged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its id.
    pub jti: Jti,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Whether it was used, or is refused for another reason.
    pub refused: bool,
}

/// How a token came to be blacklisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blacklisting {
    /// Why.
    pub reason: RevocationReason,
    /// When.
    pub at: Timestamp,
    /// What it was exchanged for, as far as that is booked.
    pub successor: Option<Successor>,
}

/// How a token came to be blacklisted; none where it is not.
pub fn find(connection: &mut Db, jti: &Jti) -> Result<Option<Blacklisting>, StoreError> {
    type Found = (RevocationReason, Timestamp, Option<Jti>);
    let found: Option<Found> = blacklisted_tokens::table
        .find(jti)
        .select((
            blacklisted_tokens::reason,
            blacklisted_tokens::blacklisted_at,
            blacklisted_tokens::successor,
        ))
        .get_result(connection)
        .optional()?;
    let Some((reason, at, successor)) = found else {
        return Ok(None);
    };
    let successor = match successor {
        Some(jti) => find_successor(connection, jti)?,
        None => None,
    };
    Ok(Some(Blacklisting {
        reason,
        at,
        successor,
    }))
}

fn find_successor(connection: &mut Db, jti: Jti) -> Result<Option<Successor>, StoreError> {
    let refused = contains(connection, &jti)?;
    let booked: Option<(Timestamp, Timestamp)> = outstanding_tokens::table
        .find(&jti)
        .select((
            outstanding_tokens::created_at,
            outstanding_tokens::expires_at,
        ))
        .get_result(connection)
        .optional()?;
    Ok(booked.map(|(created_at, expires_at)| Successor {
        jti,
        created_at,
        expires_at,
        refused,
    }))
}

/// A blacklisted token as it is listed.
#[derive(QueryableByName, Clone, Debug)]
pub struct BlacklistRow {
    /// The token's id.
    #[diesel(sql_type = Text)]
    pub jti: Jti,
    /// Whose it is: the population …
    #[diesel(sql_type = Text)]
    pub user_type: UserType,
    /// … and the number in it.
    #[diesel(sql_type = BigInt)]
    pub user_seq: UserSeq,
    /// Why it is refused.
    #[diesel(sql_type = Text)]
    pub reason: RevocationReason,
    /// Since when.
    #[diesel(sql_type = SqlTimestamp)]
    pub blacklisted_at: Timestamp,
    /// When it expires.
    #[diesel(sql_type = SqlTimestamp)]
    pub expires_at: Timestamp,
    /// What the account logs in by; none where it does not exist any more.
    #[diesel(sql_type = Nullable<Text>)]
    pub login: Option<String>,
    /// What the account is called.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
}

/// Which blacklisted tokens are listed.
#[derive(Clone, Debug, Default)]
pub struct BlacklistFilter {
    /// Of one population.
    pub user_type: Option<UserType>,
    /// Of these accounts, [`MAX_OWNERS`](crate::store::token_owners::MAX_OWNERS) at most.
    pub owners: Option<Vec<Principal>>,
    /// For this reason.
    pub reason: Option<RevocationReason>,
    /// Blacklisted then or later.
    pub from: Option<Timestamp>,
    /// Blacklisted before.
    pub to: Option<Timestamp>,
}

/// How many rows are looked at for a page.
const LOOKED_AT: i64 = 20_000;

const OWNED: Owned = Owned {
    counted_in: "sessions s JOIN outstanding_tokens t ON t.session_id = s.id JOIN blacklisted_tokens b ON b.jti = t.jti",
    of_population: "b.jti IN (SELECT t.jti FROM outstanding_tokens t WHERE t.session_id IN \
        (SELECT s.id FROM sessions s WHERE s.user_type = ?))",
    of_owners: "b.jti IN (SELECT t.jti FROM outstanding_tokens t WHERE t.session_id IN \
        (SELECT s.id FROM sessions s WHERE (s.user_type = ? AND s.user_seq = ?) \
        OR (s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?) \
        OR (s.user_type = ? AND s.user_seq = ?)))",
    population: "b.user_type || '' = ?",
    owners: "(b.user_type = ? AND b.user_seq = ?) OR (b.user_type = ? AND b.user_seq = ?) \
        OR (b.user_type = ? AND b.user_seq = ?) OR (b.user_type = ? AND b.user_seq = ?)",
};

/// A page of the blacklist, the latest first.
pub fn list(
    connection: &mut Db,
    filter: &BlacklistFilter,
    seek: Seek<(Timestamp, Jti)>,
    size: i64,
) -> Result<Slice<BlacklistRow>, StoreError> {
    let mut facets = Vec::new();
    facets.extend(blacklisted(filter));
    let of_reason = |reason| for_reason(connection, reason);
    facets.extend(filter.reason.map(of_reason));
    let owned = OWNED.facets(filter.user_type, filter.owners.as_deref());
    facets.extend(owned.map(|facet| along_the_reason(facet, filter)));
    let listing = Listing {
        select: concat!(
            "b.jti, b.user_type, b.user_seq, b.reason, b.blacklisted_at, b.expires_at, ",
            owner_columns!("b")
        ),
        from: "blacklisted_tokens b",
        from_few: "blacklisted_tokens b",
        walked: "blacklisted_tokens b",
        facets,
        key: Key {
            column: "b.blacklisted_at",
            id: "b.jti",
            values: Values::TimeAndText,
            descending: true,
        },
        walk: LOOKED_AT,
    };
    let seek = seek
        .try_map(|(at, jti)| Some((Bind::from(at), Bind::from(jti.as_str()))))
        .unwrap_or(Seek::First);
    listing.page(connection, &seek, size)
}

/// The time in which they were blacklisted: a span of the order.
fn blacklisted(filter: &BlacklistFilter) -> Option<Facet> {
    let (mut by, mut passing) = (Conditions::default(), Conditions::default());
    if let Some(from) = filter.from {
        by.and("b.blacklisted_at >= ?", [from.into()]);
        passing.and(
            "COALESCE(b.blacklisted_at, b.blacklisted_at) >= ?",
            [from.into()],
        );
    }
    if let Some(to) = filter.to {
        by.and("b.blacklisted_at < ?", [to.into()]);
        passing.and(
            "COALESCE(b.blacklisted_at, b.blacklisted_at) < ?",
            [to.into()],
        );
    }
    (filter.from.is_some() || filter.to.is_some()).then(|| Facet {
        found: Some(Found::of(
            "blacklisted_tokens b",
            by,
            " ORDER BY b.blacklisted_at",
        )),
        passing,
        walked: Walked::Span(filter.from.map(Bind::from), filter.to.map(Bind::from)),
    })
}

/// What no rotation blacklisted stands in an index by reason and population.
fn along_the_reason(facet: Facet, filter: &BlacklistFilter) -> Facet {
    match (filter.reason, filter.user_type, &filter.owners) {
        (Some(reason), Some(user_type), None) if reason != RevocationReason::Rotated => {
            let word = [user_type.as_str().into()];
            Facet {
                walked: Walked::By(Conditions::one("b.user_type = ?", word)),
                ..facet
            }
        }
        _ => facet,
    }
}

fn for_reason(connection: &Db, reason: RevocationReason) -> Facet {
    if reason == RevocationReason::Rotated {
        // Nearly all of them are.
        return Facet {
            found: None,
            passing: Conditions::one("b.reason = 'rotated'", []),
            walked: Walked::No,
        };
    }
    let by = match connection {
        // The second half is what lets the index of the others be used; Postgres would count it twice.
        Db::Sqlite(_) => "b.reason = ? AND b.reason <> 'rotated'",
        Db::Postgres(_) => "b.reason = ?",
    };
    let by = Conditions::one(by, [reason.as_str().into()]);
    Facet {
        found: Some(Found::of(
            "blacklisted_tokens b",
            by.clone(),
            " ORDER BY b.blacklisted_at",
        )),
        passing: Conditions::one("b.reason || '' = ?", [reason.as_str().into()]),
        walked: Walked::By(by),
    }
}
