//! `/clients/otp/*`: one-time codes for clients.

use std::sync::Arc;

use actix_web::web;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::session::ChallengeId;
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::Anonymous;
use crate::http::api::errors::ApiError;
use crate::http::api::inputs::{CHALLENGE, CODE, IDENTIFIER};
use crate::http::api::token_answers::{LoginRequest, TokenData};
use crate::http::middleware::context::RequestContext;
use crate::services::Services;
use crate::services::auth::otp;
use crate::services::auth::otp_request::{self, OtpRequest};

/// The answer to a request for a code.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Challenge")]
pub(super) struct ChallengeView {
    /// To be sent with the code.
    challenge_id: ChallengeId,
    /// For how many seconds the code is valid.
    #[schemars(example = 300)]
    expires_in: u64,
    /// After how many seconds another code may be requested.
    #[schemars(example = 60)]
    resend_after: u64,
}

/// `POST /clients/otp/request`: sends a one-time code to a client; the answer is the same for a client that does not exist.
///
/// **Permissions**: anyone. `200` `OTP_SENT`; `400`, `404` `OTP_DISABLED`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn request(
    services: web::Data<Services>,
    context: web::ReqData<Arc<RequestContext>>,
    caller: Anonymous,
    mut fields: Fields,
) -> Result<Answer<ChallengeView>, ApiError> {
    let username = fields.required(&IDENTIFIER);
    let username = fields.complete(username)?;
    let request = OtpRequest {
        username,
        login_context: caller.0,
        language: context.language,
    };
    let challenge = otp_request::request(&services, request).await?;
    let view = ChallengeView {
        challenge_id: challenge.id,
        expires_in: challenge.expires_in.as_secs(),
        resend_after: challenge.resend_after.as_secs(),
    };
    Ok(Answer::ok("OTP_SENT", view))
}

/// `POST /clients/otp/verify`: exchanges the code of a challenge for a pair of tokens.
///
/// **Permissions**: anyone. `200` `LOGGED_IN`; `400`, `401` `INVALID_OTP`, `403` `FORBIDDEN` (a page of another
/// origin requests the cookie), `404` `OTP_DISABLED`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn verify(request: LoginRequest) -> Result<Answer<TokenData>, ApiError> {
    let LoginRequest {
        answer,
        caller,
        mut fields,
    } = request;
    let challenge = fields.required(&CHALLENGE);
    let code = fields.required(&CODE);
    let (challenge, code) = fields.complete(challenge.zip(code))?;
    let logged_in = Box::pin(otp::log_in(answer.services(), challenge, code, caller)).await?;
    Ok(answer.with(logged_in))
}
