//! The proof of a second factor, and its verification.

use crate::domain::otp::OtpCode;
use crate::domain::principal::Principal;
use crate::domain::second_factor::SecondFactorMethod;
use crate::services::audit::log::AuditContext;
use crate::services::second_factors::passkey_proofs::PasskeyAnswer;
use crate::services::second_factors::{recovery_codes, totp::Secret};
use crate::store::{StoreError, Transaction, recovery_codes as codes, totp_factors};
use crate::tokens::MasterKeys;

/// What a caller presents as second factor.
#[derive(Clone, Debug)]
pub enum FactorProof {
    /// A code of the authenticator app.
    Totp(OtpCode),
    /// A recovery code.
    RecoveryCode(OtpCode),
    /// A passkey.
    Passkey(PasskeyAnswer),
}

impl FactorProof {
    /// A code that was typed where either is accepted: six digits are of the app, everything else is a recovery code.
    #[must_use]
    pub fn of_code(code: OtpCode) -> Self {
        let digits = code.reveal();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Totp(code)
        } else {
            Self::RecoveryCode(code)
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> SecondFactorMethod {
        match self {
            Self::Totp(_) => SecondFactorMethod::Totp,
            Self::RecoveryCode(_) => SecondFactorMethod::RecoveryCode,
            Self::Passkey(_) => SecondFactorMethod::Passkey,
        }
    }

    /// Whether the proof is right. It is used by this: it is not accepted again. Part of the transaction of what it is for.
    pub(crate) fn verify(
        &self,
        connection: &mut Transaction<'_>,
        keys: &MasterKeys,
        audit_context: &AuditContext,
        owner: Principal,
    ) -> Result<bool, StoreError> {
        let now = audit_context.now;
        match self {
            Self::Totp(code) => {
                let row = totp_factors::find(connection, owner)?;
                let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else {
                    return Ok(false);
                };
                let Some(secret) = Secret::open(keys, owner, &row.sealed_secret) else {
                    tracing::error!(%owner, "the secret of an authenticator app cannot be decrypted");
                    return Ok(false);
                };
                match secret.matching_step(code.reveal(), now) {
                    Some(step) => totp_factors::use_step(connection, owner, step),
                    None => Ok(false),
                }
            }
            Self::RecoveryCode(code) => {
                let hash = recovery_codes::hash(code);
                codes::mark_used(connection, owner, &hash, now)
            }
            Self::Passkey(answer) => answer.proves(connection, keys, audit_context, owner),
        }
    }
}
