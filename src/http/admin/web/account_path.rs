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
        let population = request.app_data::<Self>().copied();
        ready(
            population.ok_or_else(|| AdminError::Internal("the route names no population".into())),
        )
    }
}

impl FromRequest for AccountPath {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let population = Population::from_request(request, payload).into_inner();
        ready(population.and_then(|Population(user_type)| {
            let digits = request.match_info().query("seq");
            let user_seq = UserSeq::from_digits(digits).ok_or(AdminError::NotFound)?;
            Ok(Self(Principal {
                user_type,
                user_seq,
            }))
        }))
    }
}
