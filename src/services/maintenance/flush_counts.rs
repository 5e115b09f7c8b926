//! How many rows of each table a flush has deleted.

use serde::{Deserialize, Serialize};

use crate::store::flush::ExpiringTable;

/// How many rows of each table were deleted, or would be. From `revocations` on a count of 0 is left out in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlushCounts {
    /// Issued refresh tokens.
    pub outstanding_tokens: u64,
    /// Blacklisted refresh tokens.
    pub blacklisted_tokens: u64,
    /// One-time codes.
    pub otp_challenges: u64,
    /// Rate limit counters.
    pub rate_limits: u64,
    /// Sessions.
    pub sessions: u64,
    /// Revocation events.
    #[serde(skip_serializing_if = "is_zero")]
    pub revocations: u64,
    /// Sessions in the panel.
    #[serde(skip_serializing_if = "is_zero")]
    pub browser_sessions: u64,
    /// One-time links.
    #[serde(skip_serializing_if = "is_zero")]
    pub set_up_links: u64,
    /// Deliveries of codes, links and notices. Reports of earlier versions have those of codes under another name.
    #[serde(alias = "otp_deliveries", skip_serializing_if = "is_zero")]
    pub deliveries: u64,
    /// Device tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub device_tokens: u64,
    /// Signing keys.
    #[serde(skip_serializing_if = "is_zero")]
    pub signing_keys: u64,
    /// Ended jobs.
    #[serde(skip_serializing_if = "is_zero")]
    pub jobs: u64,
    /// Tokens that Django issued.
    #[serde(skip_serializing_if = "is_zero")]
    pub django_tokens: u64,
    /// Logins that waited for their second factor.
    #[serde(skip_serializing_if = "is_zero")]
    pub second_factor_challenges: u64,
    /// Answered challenges of passkeys.
    #[serde(skip_serializing_if = "is_zero")]
    pub passkey_challenges: u64,
    /// Events for endpoints of webhooks.
    #[serde(skip_serializing_if = "is_zero")]
    pub webhook_deliveries: u64,
    /// Requests with an `Idempotency-Key`.
    #[serde(skip_serializing_if = "is_zero")]
    pub idempotency_keys: u64,
    /// Audit events.
    #[serde(skip_serializing_if = "is_zero")]
    pub audit_events: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde requires"
)]
fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

impl FlushCounts {
    /// The sum over all tables.
    #[must_use]
    pub fn total(&self) -> u64 {
        let of_tables: u64 = self.tables().iter().map(|(_, rows)| rows).sum();
        of_tables + self.audit_events
    }

    /// Each table except the audit log, with its count.
    #[must_use]
    pub fn tables(&self) -> [(ExpiringTable, u64); 17] {
        let mut counts = *self;
        ExpiringTable::ALL.map(|table| (table, *counts.of(table)))
    }

    pub(crate) fn of(&mut self, table: ExpiringTable) -> &mut u64 {
        match table {
            ExpiringTable::OutstandingTokens => &mut self.outstanding_tokens,
            ExpiringTable::BlacklistedTokens => &mut self.blacklisted_tokens,
            ExpiringTable::OtpChallenges => &mut self.otp_challenges,
            ExpiringTable::RateLimits => &mut self.rate_limits,
            ExpiringTable::Sessions => &mut self.sessions,
            ExpiringTable::Revocations => &mut self.revocations,
            ExpiringTable::BrowserSessions => &mut self.browser_sessions,
            ExpiringTable::SetUpLinks => &mut self.set_up_links,
            ExpiringTable::Deliveries => &mut self.deliveries,
            ExpiringTable::DeviceTokens => &mut self.device_tokens,
            ExpiringTable::SigningKeys => &mut self.signing_keys,
            ExpiringTable::Jobs => &mut self.jobs,
            ExpiringTable::DjangoTokens => &mut self.django_tokens,
            ExpiringTable::SecondFactorChallenges => &mut self.second_factor_challenges,
            ExpiringTable::PasskeyChallenges => &mut self.passkey_challenges,
            ExpiringTable::WebhookDeliveries => &mut self.webhook_deliveries,
            ExpiringTable::IdempotencyKeys => &mut self.idempotency_keys,
        }
    }
}
