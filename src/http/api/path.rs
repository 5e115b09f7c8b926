//! Reading the parameters of a path.

use actix_web::HttpRequest;

use crate::domain::principal::UserSeq;

/// `{user_seq}`, such as 7 in `/api/users/7`; `None` if it is not a number, which no account has.
pub(super) fn user_seq(request: &HttpRequest) -> Option<UserSeq> {
    request
        .match_info()
        .get("user_seq")
        .and_then(UserSeq::from_digits)
}
