//! Reading CBOR (RFC 8949) as authenticators write it.

use ciborium::Value;

use crate::services::second_factors::webauthn::refusal::Refusal;

/// The deepest nesting: CTAP2 allows 4 levels.
const MAX_DEPTH: usize = 8;

/// Reads one item, and moves `bytes` behind it.
pub(super) fn read(bytes: &mut &[u8], what: &'static str) -> Result<Value, Refusal> {
    ciborium::de::from_reader_with_recursion_limit(&mut *bytes, MAX_DEPTH)
        .map_err(|_| Refusal::Malformed(what))
}

/// The value of a key of a map that has it once.
pub(super) fn get<'a>(map: &'a Value, key: &Value) -> Option<&'a Value> {
    let mut found = map
        .as_map()?
        .iter()
        .filter(|(other, _)| other == key)
        .map(|(_, value)| value);
    let value = found.next()?;
    found.next().is_none().then_some(value)
}
