//! The document as the server answers it: made at the first request, and kept.

use std::sync::OnceLock;

use actix_web::web::Bytes;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::config::{Config, ServerConfig};
use crate::http::api::endpoint::Endpoint;
use crate::http::openapi::document::document;

/// The document of a server.
pub struct Served {
    endpoints: &'static [Endpoint],
    made: OnceLock<Made>,
}

/// The document, and its form for clients.
pub(crate) struct Made {
    /// The document.
    pub document: Value,
    /// The document as JSON.
    pub json: Bytes,
    /// Its entity tag, a hash of the JSON, with quotation marks.
    pub etag: String,
}

impl Served {
    /// The document of these endpoints.
    #[must_use]
    pub fn new(endpoints: &'static [Endpoint]) -> Self {
        Self {
            endpoints,
            made: OnceLock::new(),
        }
    }

    /// The document for a server.
    pub(crate) fn get(&self, config: &Config) -> &Made {
        self.made.get_or_init(|| {
            let server_url = server_url(&config.server);
            Made::new(document(self.endpoints, &server_url, &config.roles))
        })
    }
}

impl Made {
    fn new(document: Value) -> Self {
        let json = document.to_string();
        let hash = digest(&SHA256, json.as_bytes());
        let etag = format!(
            "\"{}\"",
            BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
        );
        Self {
            document,
            json: json.into(),
            etag,
        }
    }
}

/// Where the paths of the document begin: `server.public_url` without a slash at the end, otherwise the document's own host.
#[must_use]
pub fn server_url(server: &ServerConfig) -> String {
    let url = server.public_url.as_ref();
    url.map_or("/", |url| url.as_str().trim_end_matches('/'))
        .to_owned()
}
