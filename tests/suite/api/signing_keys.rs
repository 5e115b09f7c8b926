//! Keys of every algorithm, several keys at a time, and which key a token is verified with.

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use munjigi::{
    config::Algorithm,
    tokens::{KeyDefect, KeyRing, SigningKey},
};
use serde_json::json;

use crate::support::{App, Forgery, Person, SIGNING_KEY, claims_of, header_of, keys::key_pair};

/// The secret of the tests, as the server uses it by default.
fn secret(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_private_bytes(algorithm, SIGNING_KEY.as_bytes()).unwrap()
}

/// A ring in which the first key signs and the others only verify.
fn ring(keys: &[SigningKey]) -> KeyRing {
    let others = keys[1..].iter().map(|key| key.verifying_key().clone());
    KeyRing::new(keys[0].clone(), others)
}

fn set_keys(app: &App, keys: &[SigningKey]) {
    app.services().tokens.set_keys(ring(keys));
}

async fn assert_invalid(app: &App, token: &str, about: &str) {
    let answer = app.anonymous().get("/api/me").bearer(token).await;
    let (status, code) = (answer.status, answer.code());
    assert_eq!((status, code), (401, "INVALID_TOKEN"), "{about}");
}

async fn assert_works(person: &Person) {
    person.get("/api/me").await.assert(200, "ME");
}

#[tokio::test]
async fn each_algorithm_signs_and_verifies_and_no_other_key_is_accepted() {
    let mut tokens: Vec<String> = Vec::new();
    for algorithm in Algorithm::ALL {
        let app = App::with(|config| config.tokens.algorithm = algorithm);
        let ann = app.user("ann").await;
        assert_eq!(header_of(&ann.access)["alg"], algorithm.as_str());
        let key = app.services().tokens.key();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(header_of(&ann.refresh)["kid"], key.id());
        assert_works(&ann.refreshed().await).await;
        for older in &tokens {
            let refused = app.anonymous().verify(older).await;
            refused.assert(401, "INVALID_TOKEN");
        }
        tokens.push(ann.access);
    }
}

#[tokio::test]
async fn a_change_of_the_key_logs_nobody_out_while_the_old_key_verifies() {
    let app = App::start();
    let (old, new) = (secret(Algorithm::Hs256), key_pair(Algorithm::EdDsa));
    let ann = app.user("ann").await;
    // The next key is known before it signs, and verifies what another instance signs with it already.
    set_keys(&app, &[new.clone(), old.clone()]);
    let bob = app.user("bob").await;
    set_keys(&app, &[old.clone(), new.clone()]);
    assert_works(&bob).await;

    set_keys(&app, &[new.clone(), old]);
    assert_works(&ann).await;
    let ann = ann.refreshed().await;
    assert_eq!(header_of(&ann.access)["kid"], new.id());
    assert_eq!(header_of(&ann.access)["alg"], "EdDSA");
    set_keys(&app, &[new]);
    assert_works(&ann).await;
}

#[tokio::test]
async fn tokens_of_a_removed_key_are_rejected_at_once_even_if_they_were_just_used() {
    let app = App::start();
    let ann = app.user("ann").await;
    assert_works(&ann).await;
    set_keys(&app, &[key_pair(Algorithm::EdDsa)]);
    assert_invalid(&app, &ann.access, "access").await;
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_token_is_verified_only_with_the_key_that_it_names_and_its_algorithm() {
    let app = App::start();
    let keys = [
        secret(Algorithm::Hs256),
        key_pair(Algorithm::EdDsa),
        key_pair(Algorithm::Rs256),
    ];
    set_keys(&app, &keys);
    let ann = app.user("ann").await;
    let good = Forgery::of(&ann.access);
    for other in &keys[1..] {
        // Signed with the secret, in the name of another key.
        let named = good.clone().header("kid", other.id());
        assert_invalid(&app, &named.token(), "kid").await;
        let both = named.header("alg", other.algorithm().as_str());
        assert_invalid(&app, &both.token(), "kid and alg").await;
    }
    for kid in ["", "unknown", &keys[0].id()[1..]] {
        let forged = good.clone().header("kid", kid);
        assert_invalid(&app, &forged.token(), kid).await;
    }
    let other_hash = good.header("alg", "HS512");
    let other_hash = other_hash.algorithm(aws_lc_rs::hmac::HMAC_SHA512);
    assert_invalid(&app, &other_hash.token(), "HS512").await;
}

#[tokio::test]
async fn a_token_without_kid_is_tried_with_the_keys_of_its_algorithm() {
    let app = App::start();
    let other = SigningKey::generate(Algorithm::Hs256).unwrap();
    set_keys(
        &app,
        &[
            key_pair(Algorithm::EdDsa),
            other,
            secret(Algorithm::Hs256),
            secret(Algorithm::Hs384),
        ],
    );
    let ann = app.user("ann").await;
    let forge = |alg: &str, hash| {
        let mut forgery = Forgery::of(&ann.access).header("alg", alg).algorithm(hash);
        forgery.header.remove("kid");
        forgery
    };
    for (alg, hash) in [
        ("HS256", aws_lc_rs::hmac::HMAC_SHA256),
        ("HS384", aws_lc_rs::hmac::HMAC_SHA384),
    ] {
        let me = app.anonymous().get("/api/me");
        me.bearer(&forge(alg, hash).token()).await.assert(200, "ME");
        let other_key = forge(alg, hash).key(b"another key, of more than 32 bytes too");
        assert_invalid(&app, &other_key.token(), alg).await;
    }
    for alg in ["EdDSA", "HS512", "RS256", "none"] {
        let forged = forge(alg, aws_lc_rs::hmac::HMAC_SHA256);
        assert_invalid(&app, &forged.token(), alg).await;
        assert_invalid(&app, &forged.unsigned(), alg).await;
    }
}

#[tokio::test]
async fn a_public_key_is_never_a_secret() {
    let app = App::start();
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let pair = key_pair(algorithm);
        set_keys(&app, &[pair.clone(), secret(Algorithm::Hs256)]);
        let name = format!("{}1", algorithm.as_str().to_lowercase());
        let ann = app.user(&name).await;
        let jwk = pair.public_jwk().unwrap();
        let mut secrets: Vec<Vec<u8>> = ["x", "y", "n"]
            .iter()
            .filter_map(|name| jwk.get(*name)?.as_str())
            .flat_map(|text| {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
                [text.as_bytes().to_vec(), bytes]
            })
            .collect();
        secrets.push(serde_json::to_vec(jwk).unwrap());
        secrets.push(Vec::new());
        for secret in secrets {
            let forged = Forgery::of(&ann.access).header("alg", "HS256").key(&secret);
            assert_invalid(&app, &forged.token(), &name).await;
            let mut without_kid = forged;
            without_kid.header.remove("kid");
            assert_invalid(&app, &without_kid.token(), &name).await;
        }
    }
}

#[tokio::test]
async fn a_statement_is_signed_by_the_active_key_and_is_not_a_token() {
    let app = App::start();
    let ann = app.user("ann").await;
    let claims = claims_of(&ann.access);
    let tokens = &app.services().tokens;
    let statement = tokens.sign_statement("statuslist+jwt", &claims).unwrap();
    let header = header_of(&statement);
    let expected = json!({"typ": "statuslist+jwt", "alg": "HS256", "kid": tokens.key().id()});
    assert_eq!(json!(header), expected);
    assert_eq!(claims_of(&statement), claims);
    assert_invalid(&app, &statement, "statement").await;
}

#[test]
fn a_key_pair_is_named_by_the_thumbprint_of_its_public_key() {
    // RFC 8037, appendices A.1 to A.3.
    let seed = BASE64_URL_SAFE_NO_PAD
        .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
        .unwrap();
    let pkcs8 = [
        b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
        &seed[..],
    ]
    .concat();
    let key = SigningKey::from_private_bytes(Algorithm::EdDsa, &pkcs8).unwrap();
    let expected = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "alg": "EdDSA", "use": "sig",
    });
    assert_eq!(json!(key.public_jwk()), expected);
    assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_public_key_has_the_members_of_its_type_and_a_secret_has_none() {
    for algorithm in Algorithm::ALL {
        let names: &[&str] = match &algorithm.as_str()[..2] {
            "RS" | "PS" => &["alg", "e", "kid", "kty", "n", "use"],
            "ES" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            "Ed" => &["alg", "crv", "kid", "kty", "use", "x"],
            _ => {
                assert!(secret(algorithm).public_jwk().is_none());
                continue;
            }
        };
        let pair = key_pair(algorithm);
        let jwk = pair.public_jwk().unwrap();
        assert!(jwk.keys().eq(names), "{jwk:?}");
        assert_eq!(jwk["alg"], algorithm.as_str());
        // The private part is stored, and gives the same key again.
        let again = SigningKey::from_private_bytes(algorithm, pair.private_bytes()).unwrap();
        assert_eq!(again.public_jwk(), Some(jwk));
    }
}

#[test]
fn a_generated_key_is_long_enough_and_random() {
    for algorithm in [Algorithm::Hs512, Algorithm::Es384, Algorithm::EdDsa] {
        let [one, other] = [(); 2].map(|()| SigningKey::generate(algorithm).unwrap());
        assert_ne!(one.id(), other.id());
    }
    let rsa = key_pair(Algorithm::Rs256);
    let modulus = rsa.public_jwk().unwrap()["n"].as_str().unwrap();
    assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(modulus).unwrap().len(), 384);
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let short = &SIGNING_KEY.as_bytes()[..algorithm.min_key_bytes() - 1];
        let refused = SigningKey::from_private_bytes(algorithm, short).err();
        assert!(matches!(refused, Some(KeyDefect::TooShort { .. })));
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

#[test]
fn the_content_of_a_file_determines_the_algorithm() {
    let text_of = |algorithm| pem("PRIVATE KEY", key_pair(algorithm).private_bytes());
    for (text, preferred, expected) in [
        (SIGNING_KEY.to_owned(), Algorithm::Hs512, Algorithm::Hs512),
        (
            format!("\n {SIGNING_KEY} \r\n"),
            Algorithm::EdDsa,
            Algorithm::Hs256,
        ),
        (
            text_of(Algorithm::EdDsa),
            Algorithm::Hs256,
            Algorithm::EdDsa,
        ),
        (
            text_of(Algorithm::Es256),
            Algorithm::Rs256,
            Algorithm::Es256,
        ),
        (
            text_of(Algorithm::Es384),
            Algorithm::Es384,
            Algorithm::Es384,
        ),
        (
            text_of(Algorithm::Rs256),
            Algorithm::Hs256,
            Algorithm::Rs256,
        ),
        (
            text_of(Algorithm::Rs256),
            Algorithm::Ps384,
            Algorithm::Ps384,
        ),
    ] {
        let key = SigningKey::from_text(text.as_bytes(), preferred).unwrap();
        assert_eq!(key.algorithm(), expected, "{text}");
    }
}

#[test]
fn the_refusal_of_a_file_says_what_would_be_right() {
    let ed = key_pair(Algorithm::EdDsa).private_bytes().to_vec();
    for (text, expected) in [
        (pem("ENCRYPTED PRIVATE KEY", &ed), "openssl pkcs8 -in"),
        (pem("EC PRIVATE KEY", &ed), "openssl pkcs8 -topk8"),
        (pem("RSA PRIVATE KEY", &ed), "openssl pkcs8 -topk8"),
        (pem("PUBLIC KEY", &ed), "not the public key"),
        (pem("CERTIFICATE", &ed), "not the public key"),
        (pem("PRIVATE KEY", &ed[1..]), "P-256, P-384 or Ed25519"),
        ("-----BEGIN PRIVATE KEY-----\nMC4C".to_owned(), "damaged"),
        ("hush".to_owned(), "4 bytes"),
    ] {
        let refused = SigningKey::from_text(text.as_bytes(), Algorithm::EdDsa).err();
        let message = refused.unwrap().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
