//! `/.well-known/*`: what services need to verify tokens by themselves. Documents of standards, without the envelope; public,
//! so pages of every origin may read them.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::header::{CacheControl, CacheDirective, ETag, EntityTag, IfNoneMatch},
    web,
};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::http::api::errors::ApiError;
use crate::services::Services;

/// The public keys (RFC 7517 section 5).
#[derive(JsonSchema)]
pub(super) struct KeySet {
    /// The keys: `kid`, `kty`, `alg`, `use` and the members of their type.
    #[expect(dead_code, reason = "describes the answer, which is made by the keys")]
    keys: Vec<Map<String, Value>>,
}

/// The metadata of the server (RFC 8414 section 2).
#[derive(JsonSchema)]
pub(super) struct Metadata {
    /// The claim `iss` of tokens.
    #[schemars(example = &"https://auth.example.org")]
    #[expect(dead_code, reason = "describes the answer")]
    issuer: String,
    /// Addresses and what they support.
    #[serde(flatten)]
    #[expect(dead_code, reason = "describes the answer")]
    others: Map<String, Value>,
}

/// `GET /.well-known/jwks.json`: the public keys that verify tokens (RFC 7517 section 5).
///
/// **Permissions**: anyone. `200`, `304`.
pub(super) async fn jwks(services: web::Data<Services>, request: HttpRequest) -> HttpResponse {
    public_document(&services, &request, &services.tokens.public_keys())
}

/// `GET /.well-known/oauth-authorization-server`: the addresses of the endpoints for services (RFC 8414 section 3.2).
///
/// **Permissions**: anyone. `200`, `304`; `404` `NO_ISSUER`.
pub(super) async fn metadata(
    services: web::Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let config = &services.config;
    let Some((issuer, base)) = issuer_and_base(config) else {
        return Err(ApiError::NoIssuer);
    };
    let at = |path: &str| format!("{base}{path}");
    let secrets = ["client_secret_basic", "client_secret_post"];
    let document = json!({
        "issuer": issuer,
        "jwks_uri": at("/.well-known/jwks.json"),
        "token_endpoint": at("/oauth/token"),
        "token_endpoint_auth_methods_supported": secrets,
        "grant_types_supported": ["client_credentials"],
        // Required by the standard; there is no authorization endpoint.
        "response_types_supported": [],
        "introspection_endpoint": at("/oauth/introspect"),
        "introspection_endpoint_auth_methods_supported": secrets,
        "revocation_endpoint": at("/oauth/revoke"),
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
    });
    Ok(public_document(&services, &request, &document))
}

/// The issuer, and the address of this server: `server.public_url`, or an issuer that is one.
fn issuer_and_base(config: &Config) -> Option<(&str, &str)> {
    let issuer = config.issuer()?;
    let is_address = ["https://", "http://"]
        .iter()
        .any(|scheme| issuer.starts_with(scheme));
    let base = config.server.public_base();
    let base = base.or_else(|| is_address.then(|| issuer.trim_end_matches('/')))?;
    Some((issuer, base))
}

/// A document that caches may keep for `tokens.jwks_max_age`, or `304` if the client has it already.
fn public_document(services: &Services, request: &HttpRequest, document: &Value) -> HttpResponse {
    let body = document.to_string();
    let hash = digest(&SHA256, body.as_bytes());
    let tag = EntityTag::new_strong(BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
    let has_it = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        None => false,
    };
    let max_age = services.config.tokens.jwks_max_age.get().as_secs();
    let max_age = CacheDirective::MaxAge(u32::try_from(max_age).unwrap_or(u32::MAX));
    let mut answer = if has_it {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer.insert_header(CacheControl(vec![CacheDirective::Public, max_age]));
    answer.insert_header(ETag(tag));
    if has_it {
        return answer.finish();
    }
    answer.content_type("application/json").body(body)
}
