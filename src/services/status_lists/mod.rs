//! The status lists: an index for each session, and the signed lists in which the services that check access tokens by
//! themselves find whether a session's tokens were revoked (IETF Token Status List, draft-ietf-oauth-status-list).
//!
//! Indexes are given in the order of the logins, in lists of 2^20. A random order would hide nothing: the claims `sid` and
//! `jti` contain the time of the login already. A list is a request that a million tokens have in common, so it does not
//! say which of them its reader has got. An index is never given twice.

pub mod indexes;
pub mod signing;
pub mod state;
