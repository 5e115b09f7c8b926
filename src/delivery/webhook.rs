//! Sends codes to the operator's own service: a JSON request, signed as defined by Standard Webhooks 1.0.0.

use std::time::Duration;

use aws_lc_rs::hmac;
use reqwest::{
    Client, Proxy, Response, StatusCode, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect, retry,
};
use serde::Serialize;

use crate::clock::{self, Clock, Timestamp};
use crate::config::WebhookConfig;
use crate::delivery::error::DeliveryError;
use crate::delivery::notice::OtpNotice;
use crate::delivery::retry::{AttemptError, MAX_PAUSE};
use crate::delivery::standard_webhooks::{reason, signature};
use crate::domain::phone_number::{PhoneRegion, e164};

/// Minimum number of bytes of a secret (Standard Webhooks, "Signature scheme": 24 to 64).
const MIN_SECRET: usize = 24;

/// A client of the webhook.
pub(super) struct Webhook {
    client: Client,
    url: Url,
    /// Maximum number of attempts per request.
    pub(super) max_attempts: u32,
    key: hmac::Key,
    region: Option<PhoneRegion>,
    clock: Clock,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    challenge_id: &'a str,
    username: &'a str,
    /// As it was entered.
    phone: Option<&'a str>,
    /// In international form, if that is known.
    phone_e164: Option<String>,
    email: Option<&'a str>,
    code: &'a str,
    /// In seconds.
    expires_in: u64,
    language: &'static str,
    message: String,
}

impl Webhook {
    /// Decodes the secret and creates the HTTP client. Does not connect.
    ///
    /// The client does not follow redirects, uses no proxy but `webhook.proxy`, and does not log request bodies.
    pub(super) fn new(
        settings: WebhookConfig,
        region: Option<PhoneRegion>,
        clock: Clock,
    ) -> Result<Self, DeliveryError> {
        let secret = settings.key().ok_or(DeliveryError::Secret)?;
        if secret.len() < MIN_SECRET {
            return Err(DeliveryError::Secret);
        }
        let mut client = Client::builder()
            .user_agent(concat!("munjigi/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout.get())
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .connection_verbose(false);
        if let Some(proxy) = settings.proxy {
            client = client.proxy(Proxy::all(proxy).map_err(DeliveryError::Client)?);
        }
        let client = client.build().map_err(DeliveryError::Client)?;
        Ok(Self {
            client,
            url: settings.url.ok_or(DeliveryError::Url)?,
            max_attempts: settings.retries.saturating_add(1),
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            region,
            clock,
        })
    }

    /// The request body, which is the same for all attempts.
    pub(super) fn body(&self, notice: &OtpNotice) -> Result<Vec<u8>, AttemptError> {
        let failed = "the request body could not be created";
        let body = Body {
            r#type: "otp.requested",
            timestamp: self.clock.now(),
            data: Data {
                challenge_id: &notice.id,
                username: &notice.username,
                phone: notice.phone.as_deref(),
                phone_e164: notice
                    .phone
                    .as_deref()
                    .and_then(|phone| e164(phone, self.region)),
                email: notice.email.as_deref(),
                code: notice.code.reveal(),
                expires_in: notice.expires_in.as_secs(),
                language: notice.language.tag(),
                message: notice
                    .sms_text()
                    .map_err(|_| AttemptError::permanent(failed))?,
            },
        };
        serde_json::to_vec(&body).map_err(|_| AttemptError::permanent(failed))
    }

    /// Makes one attempt, signed with the current time.
    ///
    /// A 2xx response is success. 408, 425, 429, 5xx, a lost connection and a timeout are temporary failures.
    /// Everything else, including redirects, is a permanent failure.
    pub(super) async fn attempt(&self, id: &str, body: &[u8]) -> Result<(), AttemptError> {
        let timestamp = self.clock.now().unix_seconds().to_string();
        let response = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", &timestamp)
            .header(
                "webhook-signature",
                signature(&self.key, id, &timestamp, body),
            )
            .body(body.to_vec())
            .send()
            .await;
        match response {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(self.failure(&response)),
            Err(error) if error.is_builder() => {
                Err(AttemptError::permanent("the request could not be built"))
            }
            Err(error) => Err(AttemptError::temporary(reason(error))),
        }
    }

    fn failure(&self, response: &Response) -> AttemptError {
        let status = response.status();
        let is_temporary = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
            );
        let retry_after_header = response.headers().get(RETRY_AFTER);
        AttemptError {
            reason: format!("the webhook responded with {}", status.as_u16()),
            is_temporary,
            retry_after: retry_after_header
                .and_then(|value| value.to_str().ok())
                .and_then(|value| retry_after(value, self.clock.now())),
        }
    }
}

/// The pause that `Retry-After` asks for, at most [`MAX_PAUSE`].
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    Some(clock::retry_after(value, now)?.min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn webhook(secret: &str) -> Result<Webhook, DeliveryError> {
        let settings = WebhookConfig {
            url: Some("http://127.0.0.1:9/".parse().unwrap()),
            secret: Some(Secret::new(secret)),
            ..WebhookConfig::default()
        };
        Webhook::new(settings, None, Clock::System)
    }

    #[test]
    fn the_signature_matches_the_example_of_the_specification() {
        let webhook = webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = signature(
            &webhook.key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_short_or_invalid_secret_is_rejected_at_startup() {
        for secret in ["", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_***"] {
            assert!(
                matches!(webhook(secret), Err(DeliveryError::Secret)),
                "{secret}"
            );
        }
        assert!(webhook("twenty-four bytes or more").is_ok());
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_30_seconds() {
        let now = Timestamp::from_unix_seconds(1_445_412_470).unwrap();
        for (value, seconds) in [
            ("7", Some(7)),
            ("0", Some(0)),
            ("86400", Some(30)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(10)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(value, now), expected, "{value}");
        }
    }
}
