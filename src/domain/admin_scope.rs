//! The scopes of the admin API. They begin with a prefix of their own, so that a scope that means something to another
//! service never opens the admin API by accident.

use crate::domain::text_enum::text_enum;

/// What the scopes of the admin API begin with. No other scope may.
pub const PREFIX: &str = "admin:";

text_enum! {
    /// A scope of the admin API: what a service may do there.
    AdminScope {
        /// List the sessions of all accounts.
        SessionsRead = "admin:sessions:read",
        /// End sessions.
        SessionsWrite = "admin:sessions:write",
        /// List refresh tokens.
        TokensRead = "admin:tokens:read",
        /// Blacklist refresh tokens.
        TokensWrite = "admin:tokens:write",
        /// List the blacklist.
        BlacklistRead = "admin:blacklist:read",
        /// Start a flush of expired rows.
        BlacklistWrite = "admin:blacklist:write",
        /// See background jobs.
        JobsRead = "admin:jobs:read",
        /// List locks.
        LocksRead = "admin:locks:read",
        /// Lift locks.
        LocksWrite = "admin:locks:write",
        /// List and export audit events.
        AuditRead = "admin:audit:read",
        /// List signing keys.
        KeysRead = "admin:keys:read",
        /// Make, promote, retire and revoke signing keys.
        KeysWrite = "admin:keys:write",
        /// List services.
        ServicesRead = "admin:services:read",
        /// Create, change and delete services that have no scope of the admin API that the caller lacks.
        ServicesWrite = "admin:services:write",
        /// List internal users.
        UsersRead = "admin:users:read",
        /// Create and change internal users whose role changes no accounts.
        UsersWrite = "admin:users:write",
        /// With `admin:users:write`: also those whose role may change accounts.
        AdministratorsWrite = "admin:administrators:write",
        /// List clients.
        ClientsRead = "admin:clients:read",
        /// Create and change clients.
        ClientsWrite = "admin:clients:write",
    }
}
