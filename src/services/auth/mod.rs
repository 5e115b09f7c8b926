//! Login, refresh, logout, one-time codes, sessions, and the verification of bearer tokens.

pub mod access_token_usage;
pub mod bearer;
pub mod browser_sessions;
pub mod challenge_ids;
pub mod django;
pub mod django_adoption;
pub mod ended_sessions;
pub mod introspection;
pub mod login;
pub mod logout;
pub mod otp;
pub mod otp_deliveries;
pub mod otp_request;
pub mod password_check;
pub mod refresh;
pub mod refresh_request;
pub mod refused_login;
pub mod reuse;
pub mod session_start;
pub mod sessions;
pub mod sliding;
pub mod token_pair;
