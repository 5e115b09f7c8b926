//! The population and the account that a path names. The route table attaches the population to each of its routes.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::http::admin::web::error::AdminError;

/// The population of a path: app data of its route, and an extractor.
#[derive(Clone, Copy)]
pub(crate) struct Population(pub(crate) UserType);

/// The account of a path: its population and the segment `{seq}`. A segment that is no number is 404.
#[derive(Clone, Copy)]
pub(crate) struct AccountPath(pub(crate) Principal);

impl FromRequest for Population {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(population(request))
    }
}

impl FromRequest for AccountPath {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(account(request))
    }
}

fn population(request: &HttpRequest) -> Result<Population, AdminError> {
    request
        .app_data::<Population>()
        .copied()
        .ok_or_else(|| AdminError::Internal("the route names no population".into()))
}

fn account(request: &HttpRequest) -> Result<AccountPath, AdminError> {
    let Population(user_type) = population(request)?;
    let digits = request.match_info().query("seq");
    let user_seq = UserSeq::from_digits(digits).ok_or(AdminError::NotFound)?;
    Ok(AccountPath(Principal {
        user_type,
        user_seq,
    }))
}
