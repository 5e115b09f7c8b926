//! The paths of endpoints of webhooks.

use std::fmt;

/// The list.
pub const WEBHOOKS: &str = "/admin/webhooks";
/// The list as a CSV file.
pub const WEBHOOKS_EXPORT: &str = "/admin/webhooks/export.csv";
/// The form of a new endpoint.
pub const NEW_WEBHOOK: &str = "/admin/webhooks/new";

/// An endpoint of webhooks.
pub fn webhook(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}")
}

/// Replace the secret of an endpoint.
pub fn webhook_secret(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/secret")
}

/// The secret of an endpoint, shown once.
pub fn shown_webhook_secret(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/secret/shown")
}

/// Activate an endpoint.
pub fn activate_webhook(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/activate")
}

/// Deactivate an endpoint.
pub fn deactivate_webhook(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/deactivate")
}

/// Delete an endpoint.
pub fn delete_webhook(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/delete")
}

/// Send a test event to an endpoint.
pub fn test_webhook(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/test")
}

/// Send an event to an endpoint again.
pub fn resend_webhook(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/resend")
}

/// Send all dead letters of an endpoint again.
pub fn resend_dead_webhooks(number: impl fmt::Display) -> String {
    format!("{WEBHOOKS}/{number}/resend-dead")
}
