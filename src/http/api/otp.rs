//! `/clients/otp/*`: one-time codes for clients.

use actix_web::web;
use serde::Serialize;

use crate::{
    domain::{otp::OtpCode, problem::Problem, session::ChallengeId},
    http::{
        api::{
            answer::Answer,
            auth::{TokenData, logged_in},
            body::{Fields, identifier},
            callers::Anonymous,
            errors::ApiError,
            refresh_transport::RefreshTransport,
        },
        middleware::context::RequestContextRef,
    },
    services::{Services, auth::otp::OtpRequest},
};

/// What the one who asked for a code is told.
#[derive(Serialize)]
pub(super) struct ChallengeView {
    challenge_id: ChallengeId,
    expires_in: u64,
    resend_after: u64,
}

/// `POST /clients/otp/request`: sends a one-time code to a client; the same answer for a client that does not exist.
///
/// **Permissions**: anyone. `200` `OTP_SENT`; `400`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn request(
    services: web::Data<Services>,
    context: RequestContextRef,
    stranger: Anonymous,
    mut fields: Fields,
) -> Result<Answer<ChallengeView>, ApiError> {
    let username = fields.required("username", identifier);
    let username = fields.complete(username)?;
    let request = OtpRequest {
        username,
        login_context: stranger.0,
        language: context.language,
    };
    let challenge = crate::services::auth::otp::request(&services, request).await?;
    let view = ChallengeView {
        challenge_id: challenge.id,
        expires_in: challenge.expires_in.as_secs(),
        resend_after: challenge.resend_after.as_secs(),
    };
    Ok(Answer::ok("OTP_SENT", view))
}

/// `POST /clients/otp/verify`: a challenge's code for a pair of tokens.
///
/// **Permissions**: anyone. `200` `LOGGED_IN`; `400`, `401` `INVALID_OTP`, `403` `FORBIDDEN` (a foreign page that would have
/// the cookie set), `429` `RATE_LIMITED`, `503`.
pub(super) async fn verify(
    services: web::Data<Services>,
    context: RequestContextRef,
    stranger: Anonymous,
    transport: RefreshTransport,
    mut fields: Fields,
) -> Result<Answer<TokenData>, ApiError> {
    let way = transport.asked_for(&mut fields)?;
    // An id that is none of ours is an unknown challenge, not a wrong field.
    let challenge = fields.required("challenge_id", |text| {
        Ok::<_, Problem>(ChallengeId::parse(text.trim()))
    });
    let code = fields.required("code", OtpCode::parse);
    let (challenge, code) = fields.complete(challenge.zip(code))?;
    let pair = crate::services::auth::otp::log_in(&services, challenge, code, stranger.0).await?;
    logged_in(&services, &context, pair, way)
}
