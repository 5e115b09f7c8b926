//! Login, refresh, logout, one-time codes, sessions, and the check of a bearer token.

pub mod access_token_usage;
pub mod bearer;
pub mod browser_sessions;
pub mod device_tokens;
pub mod login;
pub mod logout;
pub mod otp;
pub mod otp_deliveries;
pub mod refresh;
pub mod reuse;
pub mod sessions;
