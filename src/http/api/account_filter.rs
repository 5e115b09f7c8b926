//! The query of a list of accounts: what both populations read.

use crate::domain::paging::Order;
use crate::domain::principal::UserType;
use crate::domain::problem::Problem;
use crate::http::api::callers::Internal;
use crate::http::api::input::Input;
use crate::http::api::inputs::{IS_ACTIVE, SEARCH};
use crate::http::api::query::Query;
use crate::store::account_list::{NumberedColumn, NumberedFilter};

/// Whether only callers who see contacts see a column: e-mail addresses, and the usernames of users. The usernames of
/// clients are visible to all.
const fn is_hidden(column: NumberedColumn, user_type: UserType) -> bool {
    match column {
        NumberedColumn::Email => true,
        NumberedColumn::Username => matches!(user_type, UserType::User),
        _ => false,
    }
}

/// The names of the columns for callers who do not see the hidden ones: the order of a hidden column reveals its values.
pub(super) const fn visible_names<const N: usize, const VISIBLE: usize>(
    columns: &[(&'static str, NumberedColumn); N],
    user_type: UserType,
) -> [&'static str; VISIBLE] {
    let mut names = [""; VISIBLE];
    let (mut from, mut to) = (0, 0);
    while from < N {
        if !is_hidden(columns[from].1, user_type) {
            names[to] = columns[from].0;
            to += 1;
        }
        from += 1;
    }
    names
}

/// Reads search, state and order. Callers who do not see the addresses search names only, and order by `visible` columns.
pub(super) fn account_filter(
    query: &mut Query,
    caller: &Internal,
    user_type: UserType,
    ordering: &Input<Vec<Order<NumberedColumn>>>,
    visible: &'static [&'static str],
) -> NumberedFilter {
    let order = query.get(ordering).unwrap_or_default();
    let is_hidden = |order: &Order<NumberedColumn>| is_hidden(order.column, user_type);
    if !caller.sees_contacts() && order.iter().any(is_hidden) {
        query.problem(ordering, Problem::NotOneOf(visible));
    }
    NumberedFilter {
        search: query.get(&SEARCH).flatten(),
        by_name_only: !caller.sees_contacts(),
        role: None,
        is_active: query.get(&IS_ACTIVE),
        order,
    }
}
