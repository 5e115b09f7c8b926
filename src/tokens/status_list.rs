//! Status lists (IETF Token Status List, draft-ietf-oauth-status-list): the claim of a token that refers to one, and the claims
//! of the list itself.

use std::io::Write;
use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Map, Value, json};
use url::Url;

use crate::clock::Timestamp;
use crate::domain::status_index::StatusIndex;

/// The path of a list, without its number.
pub const PATH: &str = "/oauth/status-lists/";

/// The `typ` of a signed list; with `application/` in front of it the media type.
pub const TYPE: &str = "statuslist+jwt";

/// The addresses of the lists, which name them too.
#[derive(Clone, Debug)]
pub struct StatusListUris(String);

impl StatusListUris {
    /// The addresses below the public URL of the server.
    #[must_use]
    pub fn new(public_url: &Url) -> Self {
        Self(format!(
            "{}{PATH}",
            public_url.as_str().trim_end_matches('/')
        ))
    }

    /// The address of a list.
    #[must_use]
    pub fn of(&self, list: u64) -> String {
        format!("{}{list}", self.0)
    }

    /// The claim `status` of a token with this index.
    pub(super) fn claim(&self, index: StatusIndex) -> Value {
        json!({"status_list": {"idx": index.position(), "uri": self.of(index.list())}})
    }
}

/// The claims of a list of one bit for each index: 0 is valid, 1 is revoked. A reader gets a new copy after `ttl`, and uses
/// none for longer than `valid_for`.
#[must_use]
pub fn claims(
    uri: &str,
    bits: &[u8],
    now: Timestamp,
    ttl: Duration,
    valid_for: Duration,
) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".into(), uri.into());
    claims.insert("iat".into(), now.unix_seconds().into());
    claims.insert("exp".into(), (now + valid_for).unix_seconds().into());
    claims.insert("ttl".into(), ttl.as_secs().into());
    let list = json!({"bits": 1, "lst": BASE64_URL_SAFE_NO_PAD.encode(compressed(bits))});
    claims.insert("status_list".into(), list);
    claims
}

/// The bits in the ZLIB format (RFC 1950).
fn compressed(bits: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bits);
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of section 4.1 of the draft, with the statuses of its first 16 indexes.
    #[test]
    fn the_list_of_the_specification_has_its_bytes() {
        let bits = [0xb9, 0xa3];
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(compressed(&bits));
        assert_eq!(encoded, "eNrbuRgAAhcBXQ");
    }
}
