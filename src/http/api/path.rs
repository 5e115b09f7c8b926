//! Reading the parameters of a path.

use actix_web::HttpRequest;

use crate::domain::principal::{UserSeq, UserType};
use crate::services::Error;

/// `{user_seq}`, such as 7 in `/api/users/7`. A text that is not a number is that of no account.
pub(super) fn user_seq(request: &HttpRequest, user_type: UserType) -> Result<UserSeq, Error> {
    let digits = request.match_info().query("user_seq");
    UserSeq::from_digits(digits).ok_or(Error::AccountNotFound(user_type))
}
