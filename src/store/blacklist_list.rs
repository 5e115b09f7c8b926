//! The list of the table `blacklisted_tokens`, with its filters.

use diesel::{
    QueryableByName,
    sql_types::{Nullable, Text},
};

use crate::clock::Timestamp;
use crate::domain::paging::{Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{Jti, RevocationReason};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::keyset::{KeyTypes, KeyValues, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::statement::{Bind, Conditions};
use crate::store::schema::blacklisted_tokens;
use crate::store::token_owners::{OwnerConditions, owner_columns};

/// A blacklisted token in a list.
#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = blacklisted_tokens)]
pub struct BlacklistRow {
    /// The token's id.
    pub jti: Jti,
    /// The user type of its account.
    pub user_type: UserType,
    /// The id of its account within the user type.
    pub user_seq: UserSeq,
    /// Why it is blacklisted.
    pub reason: RevocationReason,
    /// When it was blacklisted.
    pub blacklisted_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The login name of the account; `None` if the account was deleted.
    #[diesel(sql_type = Nullable<Text>)]
    pub login: Option<String>,
    /// The name of the account.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    /// The source and, after `|`, the actor of the audit event of this time.
    #[diesel(sql_type = Nullable<Text>)]
    pub actor: Option<String>,
}

/// The blacklisted tokens of a list.
#[derive(Clone, Debug, Default)]
pub struct BlacklistFilter {
    /// Only of this user type.
    pub user_type: Option<UserType>,
    /// Only of these accounts, [`MAX_OWNERS`](crate::store::pagination::filter::MAX_ACCOUNTS) at most.
    pub owners: Option<Vec<Principal>>,
    /// Only with one of these reasons.
    pub reasons: Option<Vec<RevocationReason>>,
    /// Blacklisted at this time or later.
    pub from: Option<Timestamp>,
    /// Blacklisted before this time.
    pub to: Option<Timestamp>,
}

/// How many rows a scan examines for a page.
const SCAN_BUDGET: i64 = 20_000;

const OWNERS: OwnerConditions = OwnerConditions {
    count_from: "sessions s JOIN outstanding_tokens t ON t.session_id = s.id JOIN blacklisted_tokens b ON b.jti = t.jti",
    by_session: "b.jti IN (SELECT t.jti FROM outstanding_tokens t WHERE t.session_id IN \
        (SELECT s.id FROM sessions s WHERE {}))",
    alias: "b",
};

const TABLE: &str = "blacklisted_tokens b";

/// The event of the change that blacklisted a token has the same account and the same time.
const ACTOR: &str = "(SELECT e.source || '|' || COALESCE(e.actor_name, '') FROM audit_events e \
    WHERE e.subject_type = b.user_type AND e.subject_seq = b.user_seq AND e.happened_at = b.blacklisted_at \
    AND e.action IN ('logged_out', 'session_ended', 'sessions_ended', 'token_blacklisted', 'account_updated', \
    'account_deactivated', 'account_deleted', 'password_changed', 'refresh_token_reused') \
    ORDER BY e.id DESC LIMIT 1) AS actor";

/// The key of a row in the list.
type Key = (Timestamp, Jti);

/// Reads a page of the blacklist, newest first.
pub fn list(
    connection: &mut Db,
    filter: &BlacklistFilter,
    seek: Seek<Key>,
    size: i64,
) -> Result<Slice<BlacklistRow>, StoreError> {
    let seek = seek.filter_map(|key| Some(key_values(&key)));
    list_query(connection, filter).page(connection, &seek, size)
}

/// Reads the next rows of the whole list.
pub fn batch(
    connection: &mut Db,
    filter: &BlacklistFilter,
    after: Option<&Key>,
    size: i64,
) -> Result<Vec<BlacklistRow>, StoreError> {
    let after = after.map(key_values);
    list_query(connection, filter).batch(connection, after, size)
}

fn key_values((at, jti): &Key) -> KeyValues {
    ((*at).into(), jti.as_str().into())
}

fn list_query(connection: &Db, filter: &BlacklistFilter) -> ListQuery {
    let mut filters = Vec::new();
    let (from, before) = (filter.from.map(Bind::from), filter.to.map(Bind::from));
    filters.extend(Filter::range(TABLE, "b.blacklisted_at", from, before));
    let reasons = filter.reasons.as_deref();
    filters.extend(with_reasons(connection, reasons));
    // An index contains the tokens that no rotation blacklisted, by reason and user type.
    let is_scanned = matches!(reasons, Some([reason]) if *reason != RevocationReason::Rotated);
    let owners = filter.owners.as_deref();
    filters.extend(OWNERS.filters(filter.user_type, owners, is_scanned));
    ListQuery {
        select: format!(
            "b.jti, b.user_type, b.user_seq, b.reason, b.blacklisted_at, b.expires_at, {}, {ACTOR}",
            owner_columns("b")
        ),
        from: TABLE,
        from_selective: TABLE,
        scanned: TABLE,
        filters,
        key: SortKey {
            column: "b.blacklisted_at",
            id: "b.jti",
            types: KeyTypes::TimeAndText,
            descending: true,
        },
        scan_budget: SCAN_BUDGET,
    }
}

fn with_reasons(connection: &Db, reasons: Option<&[RevocationReason]>) -> Vec<Filter> {
    let Some(reasons) = reasons else {
        return Vec::new();
    };
    if let [reason] = reasons {
        return vec![with_reason(connection, *reason)];
    }
    let places = vec!["?"; reasons.len()].join(", ");
    let words = || reasons.iter().map(|reason| Bind::from(reason.as_str()));
    let listed = Filter {
        index: None,
        residual: Conditions::one(format!("b.reason || '' IN ({places})"), words()),
        scan: ScanCondition::Residual,
    };
    if reasons.contains(&RevocationReason::Rotated) {
        return vec![listed];
    }
    // An index contains the tokens that no rotation blacklisted, in the order of time.
    let ended = Conditions::one("b.reason <> 'rotated'", []);
    let ended = Filter {
        index: Some(IndexLookup::new(TABLE, ended.clone())),
        residual: ended.clone(),
        scan: ScanCondition::Index(ended),
    };
    let is_every_other = reasons.len() + 1 == RevocationReason::NAMES.len();
    std::iter::once(ended)
        .chain((!is_every_other).then_some(listed))
        .collect()
}

fn with_reason(connection: &Db, reason: RevocationReason) -> Filter {
    if reason == RevocationReason::Rotated {
        // Nearly all rows have this reason.
        return Filter {
            index: None,
            residual: Conditions::one("b.reason = 'rotated'", []),
            scan: ScanCondition::Residual,
        };
    }
    let by = match connection {
        // SQLite uses the partial index only with the second part. Postgres would count its selectivity twice.
        Db::Sqlite(_) => "b.reason = ? AND b.reason <> 'rotated'",
        Db::Postgres(_) => "b.reason = ?",
    };
    let by = Conditions::one(by, [reason.as_str().into()]);
    Filter {
        index: Some(IndexLookup {
            count_order: Some("b.blacklisted_at"),
            ..IndexLookup::new(TABLE, by.clone())
        }),
        residual: Conditions::one("b.reason || '' = ?", [reason.as_str().into()]),
        scan: ScanCondition::Index(by),
    }
}
