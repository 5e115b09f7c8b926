//! The response with a page of a list. The browser remembers the number of rows for the next list, and the filters for the
//! way back from an entry.

use std::time::Duration;

use askama::Template;

use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::page_context::PageContext;

/// A longer address is not remembered: browsers limit the size of cookies.
const MAX_ADDRESS: usize = 1_500;
/// How long the number of rows is remembered.
const ROWS_LIFETIME: Duration = Duration::from_hours(24 * 365);

/// The page of a list, with status 200.
pub(crate) fn list_page(
    context: &PageContext,
    query: &ListQuery,
    page: &impl Template,
) -> PageResult {
    let mut response = context.page(page)?;
    let server = context.server();
    let mut add = |name, value, lifetime| {
        let cookie = cookies::set(name, value, lifetime, server);
        response
            .add_cookie(&cookie)
            .map_err(|error| AdminError::Internal(format!("a cookie cannot be set: {error}")))
    };
    if query.has_size() {
        add(Name::Rows, query.size().to_string(), Some(ROWS_LIFETIME))?;
    }
    let address = query.address();
    if address.len() <= MAX_ADDRESS {
        add(Name::List, address, None)?;
    }
    Ok(response)
}
