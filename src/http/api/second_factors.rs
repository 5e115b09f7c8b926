//! `/auth/second-factors`, `/auth/login/second-factor` and `/auth/reauthenticate`: the second factors of the caller, and logins
//! in two steps.

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::otp::OtpCode;
use crate::domain::problem::{Problem, Problems};
use crate::domain::second_factor::SecondFactorMethod;
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::{Anonymous, Bearer, actor};
use crate::http::api::errors::{ApiError, renamed};
use crate::http::api::inputs::{FACTOR_CODE, LOGIN_CHALLENGE, METHOD, PASSWORD};
use crate::http::api::passkeys::{ASSERTION, relying_party};
use crate::http::api::token_answers::{LoginRequest, TokenData};
use crate::http::device_token::PresentedDevice;
use crate::services::accounts::own_account::KeptSession;
use crate::services::accounts::reauthentication::{self, Reproof, require_recent};
use crate::services::auth::second_step;
use crate::services::second_factors::enrolment::{self, NewTotp};
use crate::services::second_factors::passkey_challenges::Purpose;
use crate::services::second_factors::passkey_proofs::PasskeyAnswer;
use crate::services::second_factors::proof::FactorProof;
use crate::services::{Error, Services};

/// The second factors of an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecondFactors")]
pub(super) struct FactorsView {
    /// When the authenticator app was set up; `null` without one.
    totp: Option<Timestamp>,
    /// How many passkeys there are.
    #[schemars(example = 1)]
    passkeys: usize,
    /// How many recovery codes are left.
    #[schemars(example = 10)]
    recovery_codes: i64,
}

/// A secret for an authenticator app. It is shown once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewTotp")]
pub(super) struct NewTotpView {
    /// The secret in base32, for typing.
    #[schemars(example = &"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The address for authenticator apps.
    #[schemars(example = &"otpauth://totp/munjigi:minji%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=munjigi")]
    uri: String,
    /// The address as a QR code, an image in SVG.
    #[schemars(example = &"<svg></svg>")]
    qr_svg: String,
}

impl From<NewTotp> for NewTotpView {
    fn from(new: NewTotp) -> Self {
        Self {
            secret: new.secret,
            uri: new.uri,
            qr_svg: new.qr_svg,
        }
    }
}

/// Recovery codes. They are shown once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecoveryCodes")]
pub(super) struct CodesView {
    /// The codes, each valid once; empty if the account keeps those that it has.
    #[schemars(example = &["abcd-efgh-ijkl-mnop-qrst-uvwx"])]
    recovery_codes: Vec<String>,
}

/// What is presented as second factor.
enum Presented {
    Code(OtpCode),
    Assertion(String),
}

impl Presented {
    /// Reads a code or an assertion, whichever is sent; a code if neither is.
    fn read(fields: &mut Fields) -> Option<Self> {
        if fields.has(&ASSERTION) && !fields.has(&FACTOR_CODE) {
            fields.required_object(&ASSERTION).map(Self::Assertion)
        } else {
            fields.required(&FACTOR_CODE).map(Self::Code)
        }
    }
}

/// The proof by a passkey.
fn passkey(services: &Services, purpose: Purpose, json: &str) -> Result<FactorProof, Error> {
    let answer = PasskeyAnswer::parse(relying_party(services)?, purpose, json);
    answer
        .map(FactorProof::Passkey)
        .map_err(|_| Problems::one(ASSERTION.name, Problem::NotPasskey).into())
}

/// The proof of a login by this method.
fn proof_of(
    services: &Services,
    challenge: &str,
    method: SecondFactorMethod,
    presented: Presented,
) -> Result<FactorProof, Error> {
    match (method, presented) {
        (SecondFactorMethod::Passkey, Presented::Assertion(json)) => {
            passkey(services, Purpose::SecondFactor(challenge.to_owned()), &json)
        }
        (SecondFactorMethod::Totp, Presented::Code(code)) => Ok(FactorProof::Totp(code)),
        (SecondFactorMethod::RecoveryCode, Presented::Code(code)) => {
            Ok(FactorProof::RecoveryCode(code))
        }
        (SecondFactorMethod::Passkey, _) => {
            Err(Problems::one(ASSERTION.name, Problem::Required).into())
        }
        (_, Presented::Assertion(_)) => {
            Err(Problems::one(FACTOR_CODE.name, Problem::Required).into())
        }
    }
}

/// `POST /auth/login/second-factor`: proves the second factor of a login.
///
/// **Permissions**: anyone with the challenge. `200` `LOGGED_IN`; `400`, `401` `INVALID_SECOND_FACTOR`, `403` `FORBIDDEN` (a page
/// of another origin requests the cookie), `429` `RATE_LIMITED`, `503`.
pub(super) async fn log_in(request: LoginRequest) -> Result<Answer<TokenData>, ApiError> {
    let LoginRequest {
        answer,
        caller,
        mut fields,
    } = request;
    let challenge = fields.required(&LOGIN_CHALLENGE);
    let method = fields.required(&METHOD);
    let presented = Presented::read(&mut fields);
    let ((challenge, method), presented) = fields.complete(challenge.zip(method).zip(presented))?;
    let services = answer.services();
    let proof = proof_of(services, &challenge, method, presented)?;
    let logged_in = Box::pin(second_step::log_in(services, &challenge, proof, caller)).await?;
    Ok(answer.with(logged_in))
}

/// `POST /auth/login/second-factor/totp`: makes a secret for the authenticator app of an account that must have one to log in.
///
/// **Permissions**: anyone with the challenge. `200` `TOTP_BEGUN`; `400`, `401` `INVALID_SECOND_FACTOR`, `409`
/// `SECOND_FACTOR_EXISTS`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn begin_at_login(
    services: web::Data<Services>,
    caller: Anonymous,
    mut fields: Fields,
) -> Result<Answer<NewTotpView>, ApiError> {
    let challenge = fields.required(&LOGIN_CHALLENGE);
    let challenge = fields.complete(challenge)?;
    let new = second_step::begin_totp(&services, &challenge, &caller.0).await?;
    Ok(Answer::ok("TOTP_BEGUN", new.into()))
}

/// `POST /auth/login/second-factor/totp/confirm`: confirms the authenticator app by one of its codes, and completes the login.
///
/// **Permissions**: anyone with the challenge. `200` `LOGGED_IN`, with recovery codes; `400` (also for a wrong code), `401`
/// `INVALID_SECOND_FACTOR`, `403` `FORBIDDEN` (a page of another origin requests the cookie), `404` `SECOND_FACTOR_NOT_FOUND`,
/// `409` `SECOND_FACTOR_EXISTS`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn set_up_at_login(request: LoginRequest) -> Result<Answer<TokenData>, ApiError> {
    let LoginRequest {
        answer,
        caller,
        mut fields,
    } = request;
    let challenge = fields.required(&LOGIN_CHALLENGE);
    let code = fields.required(&FACTOR_CODE);
    let (challenge, code) = fields.complete(challenge.zip(code))?;
    let set_up = second_step::set_up(answer.services(), &challenge, code, caller);
    let logged_in = Box::pin(set_up).await?;
    Ok(answer.with(logged_in))
}

/// `GET /auth/second-factors`: the second factors of the caller.
///
/// **Permissions**: a bearer of either population. `200` `SECOND_FACTORS`; `401`, `503`.
pub(super) async fn show(
    services: web::Data<Services>,
    caller: Bearer,
) -> Result<Answer<FactorsView>, ApiError> {
    let factors = enrolment::find(&services, caller.0.account.principal).await?;
    let view = FactorsView {
        totp: factors.totp,
        passkeys: factors.passkeys,
        recovery_codes: factors.recovery_codes,
    };
    Ok(Answer::ok("SECOND_FACTORS", view))
}

/// `POST /auth/second-factors/totp`: makes a secret for an authenticator app. It is asked for after it was confirmed.
///
/// **Permissions**: a bearer with a recent proof. `200` `TOTP_BEGUN`; `401`, `403` `REAUTHENTICATION_REQUIRED`, `409`
/// `SECOND_FACTOR_EXISTS`, `503`.
pub(super) async fn begin_totp(
    services: web::Data<Services>,
    caller: Bearer,
) -> Result<Answer<NewTotpView>, ApiError> {
    let account = &caller.0.account;
    require_recent(&services, account.principal, &caller.0.session).await?;
    let new = enrolment::begin_totp(&services, account).await?;
    Ok(Answer::ok("TOTP_BEGUN", new.into()))
}

/// `POST /auth/second-factors/totp/confirm`: confirms the authenticator app by one of its codes.
///
/// **Permissions**: a bearer with a recent proof. `200` `SECOND_FACTOR_ADDED`, with recovery codes if this is the first factor;
/// `400` (also for a wrong code), `401`, `403` `REAUTHENTICATION_REQUIRED`, `404` `SECOND_FACTOR_NOT_FOUND`, `409`
/// `SECOND_FACTOR_EXISTS`, `503`.
pub(super) async fn confirm_totp(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    mut fields: Fields,
) -> Result<Answer<CodesView>, ApiError> {
    let code = fields.required(&FACTOR_CODE);
    let code = fields.complete(code)?;
    let account = &caller.0.account;
    require_recent(&services, account.principal, &caller.0.session).await?;
    let actor = actor(&caller.0, &request);
    let recovery_codes = enrolment::confirm_totp(&services, &actor, account, code).await?;
    Ok(Answer::ok(
        "SECOND_FACTOR_ADDED",
        CodesView { recovery_codes },
    ))
}

/// `DELETE /auth/second-factors/totp`: removes the authenticator app, and the recovery codes with the last factor.
///
/// **Permissions**: a bearer with a recent proof. `200` `SECOND_FACTOR_REMOVED`; `401`, `403` `REAUTHENTICATION_REQUIRED`, `404`
/// `SECOND_FACTOR_NOT_FOUND`, `503`.
pub(super) async fn remove_totp(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
) -> Result<Answer<()>, ApiError> {
    let owner = caller.0.account.principal;
    require_recent(&services, owner, &caller.0.session).await?;
    enrolment::remove_totp(&services, &actor(&caller.0, &request), owner).await?;
    Ok(Answer::done("SECOND_FACTOR_REMOVED"))
}

/// `POST /auth/second-factors/recovery-codes`: new recovery codes in place of the former ones.
///
/// **Permissions**: a bearer with a recent proof. `200` `RECOVERY_CODES`; `401`, `403` `REAUTHENTICATION_REQUIRED`, `404`
/// `SECOND_FACTOR_NOT_FOUND`, `503`.
pub(super) async fn new_recovery_codes(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
) -> Result<Answer<CodesView>, ApiError> {
    let account = &caller.0.account;
    require_recent(&services, account.principal, &caller.0.session).await?;
    let actor = actor(&caller.0, &request);
    let recovery_codes = enrolment::new_recovery_codes(&services, &actor, account).await?;
    Ok(Answer::ok("RECOVERY_CODES", CodesView { recovery_codes }))
}

/// `POST /auth/reauthenticate`: proves again who the owner of the session is, by the second factor if the account has one,
/// otherwise by the password.
///
/// **Permissions**: a bearer of either population. `200` `REAUTHENTICATED`; `400` (also for a wrong password or code), `401`, `403`
/// `REAUTHENTICATION_REQUIRED` (a password, but the account has a second factor), `429` `RATE_LIMITED`, `503`.
pub(super) async fn reauthenticate(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    device: PresentedDevice,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let has_factor = [fields.has(&FACTOR_CODE), fields.has(&ASSERTION)].contains(&true);
    let proof = if fields.has(&PASSWORD) || !has_factor {
        fields.required(&PASSWORD).map(Err)
    } else {
        Presented::read(&mut fields).map(Ok)
    };
    let (field, proof) = match fields.complete(proof)? {
        Err(password) => (PASSWORD.name, Reproof::Password(password)),
        Ok(Presented::Code(code)) => {
            let proof = Reproof::Factor(FactorProof::of_code(code));
            (FACTOR_CODE.name, proof)
        }
        Ok(Presented::Assertion(json)) => {
            let purpose = Purpose::Reauthentication(caller.0.session.to_string());
            let proof = passkey(&services, purpose, &json)?;
            (ASSERTION.name, Reproof::Factor(proof))
        }
    };
    let login_context = device.login_context(actor(&caller.0, &request));
    let session = KeptSession::Tokens(caller.0.session.clone());
    let (services, account) = (&services, &caller.0.account);
    reauthentication::reauthenticate(services, &login_context, account, session, proof)
        .await
        .map_err(|error| renamed(error, &[("current", field)]))?;
    Ok(Answer::done("REAUTHENTICATED"))
}
