//! Rotations with [`RotationPolicy::SingleUse`], many at once. On Postgres they share one prepared statement, one round trip
//! and one commit.

use std::collections::HashSet;

use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::config::RotationPolicy;
use crate::domain::account::{Account, Role};
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::second_factor::Authentication;
use crate::domain::session::{Jti, SessionId};
use crate::domain::status_index::StatusIndex;
use crate::store::engine::batches::Work;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::rotation::{self, NewToken, NotRotated, Rotated, Rotation};

/// Rotations in batches. The joins inside the statement take the square of the number of tokens.
pub(in crate::store) const WORK: Work<Rotation, Option<Rotated>> = Work {
    max: 64,
    run: rotate_batch,
    run_alone: rotate_alone,
};

/// Rotates a token; waits while another transaction has locked its session. Returns `None` if the account does not exist.
///
/// On SQLite this and [`rotate_batch`] must run in a transaction.
pub fn rotate_alone(
    connection: &mut Db,
    rotation: &Rotation,
) -> Result<Option<Rotated>, StoreError> {
    match connection {
        Db::Postgres(postgres) => {
            let statement = Statement::<true>::new(&[rotation]);
            let row: Option<Row> = statement.get_result(postgres).optional()?;
            Ok(row.map(|row| row.rotated(rotation.owner)))
        }
        Db::Sqlite(_) => rotation::rotate(connection, rotation, RotationPolicy::SingleUse),
    }
}

/// Rotates many tokens. The result is `None` for one that must be rotated alone: another transaction has locked its session,
/// or another token of the session is among them.
pub fn rotate_batch(
    connection: &mut Db,
    rotations: &[Rotation],
) -> Result<Vec<Option<Option<Rotated>>>, StoreError> {
    let postgres = match connection {
        Db::Postgres(postgres) => postgres,
        Db::Sqlite(_) => {
            let each = rotations.iter().map(|one| rotate_alone(connection, one));
            return each.map(|rotated| rotated.map(Some)).collect();
        }
    };
    let mut sessions = HashSet::new();
    let (places, first): (Vec<usize>, Vec<&Rotation>) = rotations
        .iter()
        .enumerate()
        .filter(|(_, rotation)| sessions.insert(&rotation.session))
        .unzip();
    let mut results = vec![None; rotations.len()];
    for place in &places {
        results[*place] = Some(None);
    }
    for row in Statement::<false>::new(&first).load::<Row>(postgres)? {
        let index = usize::try_from(row.number - 1).unwrap_or(usize::MAX);
        if let (Some(place), Some(rotation)) = (places.get(index), first.get(index)) {
            results[*place] = (!row.was_skipped()).then(|| Some(row.rotated(rotation.owner)));
        }
    }
    Ok(results)
}

/// A row of the result: an account that was found, and what happened to its token.
#[derive(Queryable)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of a statement")]
struct Row {
    /// The number of the rotation, from 1.
    number: i64,
    name: String,
    email: Option<String>,
    username: Option<String>,
    external_id: Option<String>,
    role: Option<Role>,
    claims: Option<AccountClaims>,
    is_active: bool,
    email_verified_at: Option<Timestamp>,
    /// Whether the token was blacklisted before.
    is_blacklisted: bool,
    /// Whether it was issued, and not flushed since.
    is_known: bool,
    /// Whether its session was updated.
    is_live: bool,
    /// The expiry of the successor.
    expires_at: Option<Timestamp>,
    status_index: Option<StatusIndex>,
    authenticated_at: Option<Timestamp>,
    amr: Option<String>,
}

impl Row {
    /// Whether another transaction may have locked the session. It may as well have ended.
    fn was_skipped(&self) -> bool {
        self.is_active && !self.is_blacklisted && self.is_known && !self.is_live
    }

    fn rotated(self, owner: Principal) -> Rotated {
        let outcome = match self.expires_at {
            Some(expires_at) => Ok(NewToken {
                expires_at,
                status_index: self.status_index,
                authentication: Authentication::from_stored(self.authenticated_at, self.amr),
            }),
            None if !self.is_active => Err(NotRotated::Inactive),
            None if !self.is_blacklisted && !self.is_live => Err(NotRotated::SessionEnded),
            // It was blacklisted before, or by a concurrent transaction.
            None => Err(NotRotated::Blacklisted),
        };
        let account = Account {
            principal: owner,
            name: self.name,
            email: self.email,
            username: self.username,
            external_id: self.external_id,
            role: self.role,
            is_active: self.is_active,
            claims: self.claims,
            email_verified_at: self.email_verified_at,
        };
        Rotated { account, outcome }
    }
}

/// The rotations as one statement; `WAIT` for locked sessions, or skip them: a slow transaction must not delay the others.
///
/// It locks the sessions and checks them again after waiting, so that a concurrent logout either sees the successor or has
/// ended the session before. The `INSERT` into the blacklist succeeds only once for a token, and the `INSERT` of the successor
/// depends on it.
///
/// Look-ups are subqueries that the planner cannot merge with the rest (`OFFSET 0`), and `live` has no second condition: while
/// the tables have no statistics, the planner takes the partial index of live sessions for nearly empty and reads all of it for
/// each token, which made a batch of 32 take 14 ms instead of 2.
///
/// diesel caches prepared statements by type.
struct Statement<'a, const WAIT: bool> {
    user_types: Vec<UserType>,
    user_seqs: Vec<UserSeq>,
    sessions: Vec<&'a SessionId>,
    presented: Vec<&'a Jti>,
    presented_expiries: Vec<Timestamp>,
    successors: Vec<&'a Jti>,
    times: Vec<Timestamp>,
    expiries: Vec<Timestamp>,
    access_expiries: Vec<Timestamp>,
    ip_addresses: Vec<Option<&'a str>>,
    user_agents: Vec<Option<&'a str>>,
    kids: Vec<Option<&'a str>>,
    status_indexes: Vec<Option<StatusIndex>>,
}

impl<'a, const WAIT: bool> Statement<'a, WAIT> {
    fn new(rotations: &[&'a Rotation]) -> Self {
        fn each<'a, T>(rotations: &[&'a Rotation], value: fn(&'a Rotation) -> T) -> Vec<T> {
            rotations.iter().copied().map(value).collect()
        }
        Self {
            user_types: each(rotations, |one| one.owner.user_type),
            user_seqs: each(rotations, |one| one.owner.user_seq),
            sessions: each(rotations, |one| &one.session),
            presented: each(rotations, |one| &one.old),
            presented_expiries: each(rotations, |one| one.old_expires_at),
            successors: each(rotations, |one| &one.new),
            times: each(rotations, |one| one.usage.now),
            expiries: each(rotations, |one| one.usage.expires_at),
            access_expiries: each(rotations, |one| one.usage.access_expires_at),
            ip_addresses: each(rotations, |one| one.usage.ip_address.as_deref()),
            user_agents: each(rotations, |one| one.usage.user_agent.as_deref()),
            kids: each(rotations, |one| one.usage.kid.as_deref()),
            status_indexes: each(rotations, |one| one.usage.status_index),
        }
    }
}

const FOUND: &str = " WITH ORDINALITY AS request (user_type, user_seq, session_id, presented, presented_expires_at, successor, \
     used_at, expires_at, access_expires_at, ip_address, user_agent, kid, status_index, number)), \
     account AS ( \
     SELECT request.*, name, email, username, external_id, role, claims, is_active, email_verified_at \
     FROM request JOIN users ON id = user_seq WHERE user_type = 'user' \
     UNION ALL \
     SELECT request.*, name, email, username, external_id, NULL::text, claims, is_active, email_verified_at \
     FROM request JOIN client_users ON id = user_seq WHERE user_type = 'client'), \
     found AS MATERIALIZED (SELECT account.*, \
     (SELECT jti FROM blacklisted_tokens WHERE jti = presented) IS NOT NULL AS is_blacklisted, \
     (SELECT jti FROM outstanding_tokens WHERE jti = presented) IS NOT NULL AS is_known FROM account), \
     locked AS MATERIALIZED (SELECT number, session_id, presented, presented_expires_at, successor, used_at, expires_at, \
     access_expires_at, ip_address, user_agent, kid, status_index FROM found CROSS JOIN LATERAL \
     (SELECT user_type, user_seq, ended_at, absolute_expires_at FROM sessions WHERE id = session_id OFFSET 0 FOR UPDATE";

const ROTATED: &str = ") AS session \
     WHERE is_active AND NOT is_blacklisted AND is_known AND session.user_type = found.user_type \
     AND session.user_seq = found.user_seq AND ended_at IS NULL AND absolute_expires_at > used_at), \
     live AS (UPDATE sessions SET last_used_at = used_at, expires_at = LEAST(locked.expires_at, absolute_expires_at), \
     access_expires_at = GREATEST(sessions.access_expires_at, locked.access_expires_at), \
     last_ip_address = locked.ip_address, last_user_agent = locked.user_agent, kid = COALESCE(locked.kid, sessions.kid), \
     refreshes = COALESCE(refreshes, 0) + 1, status_index = COALESCE(sessions.status_index, locked.status_index) \
     FROM locked WHERE id = session_id \
     RETURNING number, presented, presented_expires_at, successor, used_at, id, sessions.user_type, sessions.user_seq, \
     sessions.expires_at, sessions.status_index, authenticated_at, amr), \
     blacklisted AS (INSERT INTO blacklisted_tokens \
     (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at, successor) \
     SELECT presented, id, user_type, user_seq, 'rotated', used_at, presented_expires_at, successor \
     FROM live ON CONFLICT DO NOTHING RETURNING jti), \
     issued AS (INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) \
     SELECT successor, id, user_type, user_seq, used_at, expires_at \
     FROM live JOIN blacklisted ON jti = presented RETURNING jti) \
     SELECT found.number, name, email, username, external_id, role, claims, is_active, email_verified_at, \
     is_blacklisted, is_known, live.number IS NOT NULL, CASE WHEN jti IS NOT NULL THEN live.expires_at END, \
     live.status_index, authenticated_at, amr \
     FROM found LEFT JOIN live ON live.number = found.number LEFT JOIN issued ON jti = live.successor";

impl<const WAIT: bool> QueryFragment<Pg> for Statement<'_, WAIT> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH request AS MATERIALIZED (SELECT * FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.user_types)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.user_seqs)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.sessions)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.presented)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlTimestamp>, _>(&self.presented_expiries)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.successors)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlTimestamp>, _>(&self.times)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlTimestamp>, _>(&self.expiries)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlTimestamp>, _>(&self.access_expiries)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.ip_addresses)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.user_agents)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.kids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.status_indexes)?;
        out.push_sql(")");
        out.push_sql(FOUND);
        if !WAIT {
            out.push_sql(" SKIP LOCKED");
        }
        out.push_sql(ROTATED);
        Ok(())
    }
}

impl<const WAIT: bool> QueryId for Statement<'_, WAIT> {
    type QueryId = Statement<'static, WAIT>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const WAIT: bool> Query for Statement<'_, WAIT> {
    type SqlType = (
        BigInt,
        Text,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Bool,
        Nullable<SqlTimestamp>,
        Bool,
        Bool,
        Bool,
        Nullable<SqlTimestamp>,
        Nullable<BigInt>,
        Nullable<SqlTimestamp>,
        Nullable<Text>,
    );
}

impl<const WAIT: bool> RunQueryDsl<PgConnection> for Statement<'_, WAIT> {}
