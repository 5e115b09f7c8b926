//! What the lists of the admin API share: cursor, filters by account and time, and the account of an entry.

use chrono::DateTime;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::paging::{Cursor, Page, Seek, Slice};
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::problem::{Problem, Problems};
use crate::domain::text::clean;
use crate::http::api::answer::Answer;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::inputs::{PAGE_SIZE, plain};
use crate::http::api::query::Query;
use crate::services::Error;
use crate::services::tokens::owner::{ByOwner, Owner};

/// The most characters of a filter.
const MAX_FILTER: usize = 200;
const FILTER_KIND: Kind = Kind::Text {
    format: None,
    max: Some(MAX_FILTER),
};
/// The most characters of a time.
const MAX_TIME: usize = 40;
const TIME_KIND: Kind = Kind::Text {
    format: Some("date-time"),
    max: Some(MAX_TIME),
};

inputs! {
    /// Where the list continues: `next_cursor` of the last answer.
    CURSOR: Cursor = "cursor", Kind::Text { format: Some("cursor"), max: Some(Cursor::MAX) }, cursor;
    /// The account: its login name or a part of it, or a text such as `user:1`.
    PERSON: Option<String> = "person", FILTER_KIND, filter_text;
    /// The population of the account.
    OWNER_TYPE: UserType = "user_type", Kind::OneOf(UserType::NAMES), owner_type;
    /// At this time or later.
    FROM: Timestamp = "from", TIME_KIND, time;
    /// Before this time.
    BEFORE: Timestamp = "before", TIME_KIND, time;
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    if text.chars().count() > Cursor::MAX {
        return Err(Problem::TooLong { max: Cursor::MAX });
    }
    Cursor::decode(text).ok_or(Problem::NotCursor)
}

fn owner_type(text: &str) -> Result<UserType, Problem> {
    UserType::from_word(text).ok_or(Problem::NotOneOf(UserType::NAMES))
}

/// A filter; without a visible character there is none.
pub(super) fn filter_text(text: &str) -> Result<Option<String>, Problem> {
    let text = plain(text, MAX_FILTER)?.trim().to_owned();
    Ok(Some(text).filter(|text| !clean(text).is_empty()))
}

/// A time of RFC 3339, of the years that both databases have. The `+` of an offset is a space where it was not encoded.
fn time(text: &str) -> Result<Timestamp, Problem> {
    let text = plain(text, MAX_TIME)?;
    let read = DateTime::parse_from_rfc3339(&text)
        .or_else(|_| DateTime::parse_from_rfc3339(&text.replace(' ', "+")));
    let time = read.map(|time| Timestamp::from_naive_utc(time.naive_utc()));
    let time = time.ok().filter(|time| *time >= Timestamp::EPOCH);
    time.ok_or(Problem::NotTime)
}

/// The position in a list, and its page size. `is_of_list` tells a cursor of this list from one of another.
pub(super) fn position(
    query: &mut Query,
    is_of_list: impl FnOnce(&Cursor) -> bool,
) -> (Seek<Cursor>, i64) {
    let size = query.get(&PAGE_SIZE).unwrap_or(Page::DEFAULT_SIZE);
    let seek = match query.get(&CURSOR) {
        Some(cursor) if is_of_list(&cursor) => Seek::After(cursor),
        Some(_) => {
            query.problem(&CURSOR, Problem::NotCursor);
            Seek::First
        }
        None => Seek::First,
    };
    (seek, size)
}

/// A part of a list that may be filtered by account: `400` where too many accounts fit the filter, and no entries where none
/// does.
pub(super) fn part_by_owner<R, T>(
    code: &'static str,
    found: ByOwner<Slice<R>>,
    size: i64,
    cursor_of: impl Fn(&R) -> Cursor,
    view: impl FnMut(R) -> T,
) -> Result<Answer<Vec<T>>, ApiError> {
    let slice = match found {
        ByOwner::Found(slice) => slice,
        ByOwner::NoAccount => Slice::empty(),
        ByOwner::TooManyAccounts => {
            let problems = Problems::one(PERSON.name, Problem::TooManyAccounts);
            return Err(Error::Invalid(problems).into());
        }
    };
    Ok(Answer::part(code, slice, size, cursor_of, view))
}

/// The account of an entry.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Owner")]
pub(super) struct OwnerView {
    /// The population.
    user_type: UserType,
    /// The number within the population.
    user_seq: UserSeq,
    /// The login name; `null` if the account was deleted.
    #[schemars(example = &"minji@example.org")]
    login: Option<String>,
    /// The name; `null` if the account was deleted.
    #[schemars(example = &"Kim Minji")]
    name: Option<String>,
}

impl OwnerView {
    pub(super) fn new(owner: Owner) -> Self {
        let name = owner.login.is_some().then_some(owner.name);
        Self {
            user_type: owner.principal.user_type,
            user_seq: owner.principal.user_seq,
            login: owner.login,
            name,
        }
    }
}

/// Whether a call changed anything.
#[derive(Serialize, JsonSchema)]
pub(in crate::http::api) struct Changed {
    /// `false` if it was so before.
    pub(super) changed: bool,
}
