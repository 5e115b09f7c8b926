//! Sends events to endpoints of webhooks: one signed JSON request for each attempt. The endpoints are entered in the
//! admin panel and with the CLI, so requests go to public addresses only, see [`PublicAddresses`].

use std::time::Duration;

use aws_lc_rs::hmac;
use reqwest::{Client, StatusCode, Url, header::CONTENT_TYPE, redirect, retry};

use crate::clock::Timestamp;
use crate::delivery::error::DeliveryError;
use crate::delivery::public_addresses::PublicAddresses;
use crate::delivery::standard_webhooks::{reason, signature};

/// An event for an endpoint.
pub struct EventRequest<'a> {
    /// The address of the endpoint.
    pub url: &'a Url,
    /// The secrets that sign the request. During a rotation there are two.
    pub secrets: &'a [Vec<u8>],
    /// The id of the event.
    pub id: &'a str,
    /// The body.
    pub body: &'a str,
}

/// The reason of an endpoint that wants no further events.
pub const GONE: &str = "the endpoint responded with 410";

/// Why an event was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAccepted {
    /// For people, without the address.
    pub reason: String,
    /// Whether the endpoint wants no further events: it responded with 410.
    pub is_gone: bool,
}

impl From<String> for NotAccepted {
    fn from(reason: String) -> Self {
        Self {
            reason,
            is_gone: false,
        }
    }
}

/// An HTTP client for endpoints of webhooks. Clones share its connections.
#[derive(Clone)]
pub struct EventSender {
    client: Client,
    addresses: PublicAddresses,
}

impl EventSender {
    /// A client with this time limit for a request. It follows no redirects, uses no proxy and repeats nothing. Does
    /// not connect.
    ///
    /// # Errors
    /// [`DeliveryError::Client`].
    pub fn new(addresses: PublicAddresses, timeout: Duration) -> Result<Self, DeliveryError> {
        let client = Client::builder()
            .user_agent(concat!("munjigi/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .connection_verbose(false)
            .dns_resolver(addresses.clone())
            .build()
            .map_err(DeliveryError::Client)?;
        Ok(Self { client, addresses })
    }

    /// The addresses that it may call.
    #[must_use]
    pub fn addresses(&self) -> &PublicAddresses {
        &self.addresses
    }

    /// Sends an event once. Success is a status of 200 to 299; the body of the answer is not read.
    ///
    /// # Errors
    /// [`NotAccepted`].
    pub async fn send(&self, event: &EventRequest<'_>, now: Timestamp) -> Result<(), NotAccepted> {
        // A name is checked when it is resolved.
        if self.addresses.exclude(event.url) {
            let reason = "the address is neither public nor in event_webhooks.allowed_networks";
            return Err(reason.to_owned().into());
        }
        let timestamp = now.unix_seconds().to_string();
        let signatures: Vec<String> = event
            .secrets
            .iter()
            .map(|secret| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                signature(&key, event.id, &timestamp, event.body.as_bytes())
            })
            .collect();
        let response = self
            .client
            .post(event.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", event.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures.join(" "))
            .body(event.body.to_owned())
            .send()
            .await
            .map_err(reason)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let is_gone = status == StatusCode::GONE;
        let reason = if is_gone {
            GONE.to_owned()
        } else {
            format!("the endpoint responded with {}", status.as_u16())
        };
        Err(NotAccepted { reason, is_gone })
    }
}
