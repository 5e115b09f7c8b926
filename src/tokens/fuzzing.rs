//! Properties of token verification, for fuzzing. See `src/fuzzing.rs`.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::{Algorithm, TokensConfig};
use crate::tokens::claims::{Claims, TokenType};
use crate::tokens::error::TokenDefect;
use crate::tokens::jwt::{MAX_LENGTH, Tokens, readable_parts};
use crate::tokens::key_ring::KeyRing;
use crate::tokens::keys::SigningKey;

const KEY: &[u8] = b"the key of the fuzzing alone, longer than its hash";

/// A key pair for Ed25519 in PKCS#8. Nothing signs with it, so no token of it is valid.
const PAIR: [u8; 48] =
    *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20an Ed25519 seed for the fuzzing.";

/// Shared by all inputs of a run, to test the cache too.
static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let key = |algorithm, private: &[u8]| {
        SigningKey::from_private_bytes(algorithm, private)
            .unwrap_or_else(|defect| panic!("the key {defect}"))
    };
    let pair = key(Algorithm::EdDsa, &PAIR);
    let ring = KeyRing::new(key(Algorithm::Hs256, KEY), [pair.verifying_key().clone()]);
    Tokens::new(TokensConfig::default(), ring)
});

/// If the input starts with `s`, a header and claims (one line each) that are signed here; otherwise a token.
///
/// # Panics
/// If a property is violated.
pub fn tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let signed = text.strip_prefix('s').and_then(|rest| {
        let (header, claims) = rest.split_once('\n')?;
        let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
        let signature = hmac::sign(&key, message.as_bytes());
        Some(format!("{message}.{}", BASE64.encode(signature)))
    });
    check(signed.as_deref().unwrap_or(text));
}

fn check(token: &str) {
    let now = Timestamp::from_unix_micros(1_771_072_245_678_901);
    let examined = TOKENS.examine(token, None, now);
    let as_type = |expected| TOKENS.read(token, Some(expected), now).is_ok();
    let (access, refresh) = (as_type(TokenType::Access), as_type(TokenType::Refresh));
    // The second call uses the cache.
    for _ in 0..2 {
        assert_eq!(TOKENS.read_access(token, now).is_ok(), access);
        let is_of_service = TOKENS.read_of_service(token, now).is_ok();
        assert!(!is_of_service || matches!(examined, Err(TokenDefect::OfService)));
    }
    match examined {
        Ok(claims) => {
            assert!(is_signed(token));
            assert_eq!(access, claims.token_type == TokenType::Access);
            assert_eq!(refresh, claims.token_type == TokenType::Refresh);
            check_accepted(token, &claims, now);
        }
        Err(defect) => {
            assert!(!access && !refresh);
            assert!(!defect.is_signed() || is_signed(token));
            assert!(token.len() <= MAX_LENGTH || defect == TokenDefect::TooLong);
        }
    }
}

fn is_signed(token: &str) -> bool {
    let Some((message, signature)) = token.rsplit_once('.') else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    let signature = BASE64.decode(signature);
    signature.is_ok_and(|signature| hmac::verify(&key, message.as_bytes(), &signature).is_ok())
}

fn check_accepted(token: &str, claims: &Claims, now: Timestamp) {
    let (header, stated) = readable_parts(token);
    let (header, stated) = (header.unwrap_or_default(), stated.unwrap_or_default());
    let text = |part: &Map<String, Value>, name: &str| -> Option<String> {
        part.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    assert_eq!(text(&header, "alg").as_deref(), Some("HS256"));
    assert!(header.get("crit").is_none_or(Value::is_null));
    let typ = text(&header, "typ");
    let is_access = claims.token_type == TokenType::Access;
    let is_of_type = |typ: &str| {
        typ.eq_ignore_ascii_case("jwt") || (is_access && typ.eq_ignore_ascii_case("at+jwt"))
    };
    assert!(typ.is_none_or(|typ| is_of_type(&typ)));
    let kid = text(&header, "kid");
    assert!(kid.is_none_or(|kid| kid == TOKENS.key().id()));
    assert_eq!(stated, *claims.all());
    let word = claims.token_type.as_str();
    assert_eq!(text(&stated, "token_type").as_deref(), Some(word));
    let owner = claims.principal;
    assert_eq!(text(&stated, "sub"), Some(owner.to_string()));
    let user_type = owner.user_type.as_str();
    assert_eq!(text(&stated, "user_type").as_deref(), Some(user_type));
    assert!(owner.user_seq.get() > 0);
    for (name, id) in [
        ("jti", claims.jti.as_str()),
        ("sid", claims.session.as_str()),
    ] {
        assert_eq!(text(&stated, name).as_deref(), Some(id));
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    let number = |name: &str| stated.get(name).and_then(Value::as_i64);
    let seconds = now.unix_seconds();
    assert!(number("exp").is_some_and(|exp| exp > seconds));
    assert!(number("iat").is_some_and(|iat| (0..=seconds).contains(&iat)));
    assert!(stated.get("nbf").is_none() || number("nbf").is_some_and(|nbf| nbf <= seconds));
}
