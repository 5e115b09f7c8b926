//! Authenticator data: Web Authentication level 2, section 6.1.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};

use crate::services::second_factors::webauthn::refusal::Refusal;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::services::second_factors::webauthn::{cbor, public_key};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// The longest credential id (level 2, section 4).
const MAX_CREDENTIAL_ID: usize = 1_023;

/// What an authenticator signs, besides the client data.
pub(super) struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    /// The signature counter; 0 for an authenticator without one.
    pub(super) sign_count: u32,
    /// The credential, at its registration.
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// A credential that was just made.
pub(super) struct AttestedCredential<'a> {
    pub(super) id: &'a [u8],
    /// The COSE key as the authenticator wrote it.
    pub(super) public_key: &'a [u8],
}

/// Takes bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Refusal> {
    let (taken, rest) = bytes
        .split_at_checked(length)
        .ok_or(Refusal::Malformed("authenticator data"))?;
    *bytes = rest;
    Ok(taken)
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Refusal> {
    let taken = take(bytes, N)?;
    taken
        .try_into()
        .map_err(|_| Refusal::Malformed("authenticator data"))
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of the bytes.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, Refusal> {
        let rest = &mut bytes;
        let rp_id_hash = take(rest, 32)?;
        let [flags] = take_array(rest)?;
        let sign_count = u32::from_be_bytes(take_array(rest)?);
        let has = |flag: u8| flags & flag != 0;
        let credential = has(HAS_CREDENTIAL)
            .then(|| AttestedCredential::take(rest))
            .transpose()?;
        if has(HAS_EXTENSIONS) && !cbor::read(rest, "authenticator data")?.is_map() {
            return Err(Refusal::Malformed("authenticator data"));
        }
        // A passkey that is backed up must be one that can be (level 3, section 6.1.3).
        if !rest.is_empty() || (has(BACKED_UP) && !has(BACKUP_ELIGIBLE)) {
            return Err(Refusal::Malformed("authenticator data"));
        }
        Ok(Self {
            rp_id_hash,
            flags,
            sign_count,
            credential,
        })
    }

    /// Checks the relying party, and that a user was present and verified.
    pub(super) fn check(&self, party: &RelyingParty) -> Result<(), Refusal> {
        let expected = digest(&SHA256, party.id.as_bytes());
        if verify_slices_are_equal(expected.as_ref(), self.rp_id_hash).is_err() {
            return Err(Refusal::RelyingParty);
        }
        if self.flags & USER_PRESENT == 0 {
            return Err(Refusal::UserPresence);
        }
        if self.flags & USER_VERIFIED == 0 {
            return Err(Refusal::UserVerification);
        }
        Ok(())
    }

    /// Whether the passkey can be copied to other devices.
    pub(super) fn is_backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    /// Whether the passkey is copied to other devices now.
    pub(super) fn is_backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

impl<'a> AttestedCredential<'a> {
    fn take(rest: &mut &'a [u8]) -> Result<Self, Refusal> {
        // The AAGUID: the model of the authenticator, which without attestation is only a claim.
        take(rest, 16)?;
        let length = usize::from(u16::from_be_bytes(take_array(rest)?));
        if length == 0 || length > MAX_CREDENTIAL_ID {
            return Err(Refusal::Malformed("credential id"));
        }
        let id = take(rest, length)?;
        let from_key = *rest;
        public_key::read(rest)?;
        let public_key = &from_key[..from_key.len() - rest.len()];
        Ok(Self { id, public_key })
    }
}
