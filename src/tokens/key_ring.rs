//! The keys that this server knows: one signs, all of them verify.

use jsonwebtoken::Algorithm;

use crate::tokens::keys::SigningKey;
use crate::tokens::verifying_key::VerifyingKey;

/// Maximum number of keys that a token without `kid` is tried with.
const MAX_TRIED: usize = 4;

/// An immutable set of keys. The active key signs; it and the others verify.
pub struct KeyRing {
    active: SigningKey,
    /// The active key comes first.
    verifying: Vec<VerifyingKey>,
}

impl KeyRing {
    /// `others` only verify: keys that will sign later, and keys that signed earlier.
    #[must_use]
    pub fn new(active: SigningKey, others: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut verifying = vec![active.verifying_key().clone()];
        verifying.extend(others);
        Self { active, verifying }
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> &SigningKey {
        &self.active
    }

    /// The keys that verify, the active one first.
    #[must_use]
    pub fn verifying(&self) -> &[VerifyingKey] {
        &self.verifying
    }

    /// The key with this id.
    pub(super) fn find(&self, id: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|key| key.id() == id)
    }

    /// The keys of an algorithm, for a token that names no key.
    pub(super) fn of_algorithm(&self, algorithm: Algorithm) -> impl Iterator<Item = &VerifyingKey> {
        let keys = self.verifying.iter();
        keys.filter(move |key| key.is_for(algorithm))
            .take(MAX_TRIED)
    }
}

impl From<SigningKey> for KeyRing {
    /// A single key.
    fn from(key: SigningKey) -> Self {
        Self::new(key, [])
    }
}
