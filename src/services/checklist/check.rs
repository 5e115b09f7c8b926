//! The list of checks, with the group and the source of each.

use crate::domain::language::Language;
use crate::services::checklist::text::LocalizedText;

/// Defines the checks: a variant, its word, its group and its source.
macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident = $word:literal, $group:ident, $source:literal;)+) => {
        /// A check of the security checklist.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $($(#[$doc])* $check,)+
        }

        impl Check {
            /// All checks, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$check),+];

            /// The words of all checks.
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            /// The word for programs. It never changes.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$check => $word,)+ }
            }

            /// The group.
            #[must_use]
            pub fn group(self) -> Group {
                match self { $(Self::$check => Group::$group,)+ }
            }

            /// The source: a section of an RFC, of ASVS 5.0 or of a NIST SP, or the documentation of SimpleJWT.
            #[must_use]
            pub fn source(self) -> &'static str {
                match self { $(Self::$check => $source,)+ }
            }
        }
    };
}

checks! {
    /// The lifetime of access tokens.
    AccessLifetime = "access_lifetime", Tokens, "RFC 6750 5.3";
    /// The lifetime of refresh tokens.
    RefreshLifetime = "refresh_lifetime", Tokens, "ASVS 7.3";
    /// The lifetime of a session, however often it is refreshed.
    SessionLifetime = "session_lifetime", Tokens, "ASVS 10.4.8";
    /// Whether each refresh issues a new refresh token.
    Rotation = "rotation", Tokens, "RFC 9700 4.14";
    /// Whether a used refresh token is blacklisted.
    Blacklist = "blacklist", Tokens, "ASVS 10.4.5";
    /// The grace period of a used refresh token.
    ReuseGrace = "reuse_grace", Tokens, "ASVS 10.4.5";
    /// How long an expired token is still accepted.
    Leeway = "leeway", Tokens, "RFC 7519 4.1.4";
    /// Whether tokens have an issuer and an audience.
    Audience = "audience", Tokens, "ASVS 9.2.3";
    /// Personal data in tokens.
    PersonalData = "personal_data", Tokens, "RFC 7519 12";
    /// Whether the name of a fixed claim suggests a secret.
    ExtraClaims = "extra_claims", Tokens, "RFC 7519 12";

    /// The length of the key.
    KeyLength = "key_length", Key, "NIST SP 800-57 1 5.6";
    /// Whether the key is random.
    KeyStrength = "key_strength", Key, "RFC 8725 3.5";
    /// Where the key is stored.
    KeySource = "key_source", Key, "ASVS 13.3";
    /// The permissions of the key file.
    KeyFile = "key_file", Key, "ASVS 13.3";
    /// The age of the key.
    KeyAge = "key_age", Key, "ASVS 13.3";

    /// Whether the server is reached over https.
    Https = "https", Network, "ASVS 12.2";
    /// The transport of refresh tokens.
    Transport = "transport", Network, "ASVS 10.1.1";
    /// The origins whose pages may call the API.
    AllowedOrigins = "allowed_origins", Network, "ASVS 3.4.2";
    /// The attributes of cookies.
    Cookies = "cookies", Network, "ASVS 3.3";
    /// Whether browsers are instructed to use https only.
    Hsts = "hsts", Network, "ASVS 3.4";
    /// From where the server's http port can be reached.
    Listen = "listen", Network, "ASVS 12.3";
    /// The proxies whose forwarding headers are trusted.
    TrustedProxies = "trusted_proxies", Network, "RFC 7239 8.1";
    /// Whether the connection to Postgres is encrypted.
    PostgresTls = "postgres_tls", Network, "ASVS 12.3";
    /// Whether the connection to the mail server is encrypted.
    SmtpTls = "smtp_tls", Network, "RFC 8314 3";
    /// Whether the connection to the webhook is encrypted.
    WebhookTls = "webhook_tls", Network, "ASVS 12.3";
    /// The networks that endpoints of webhooks may be in although they are not public.
    WebhookNetworks = "webhook_networks", Network, "ASVS 1.3.6";
    /// From where the metrics can be fetched.
    MetricsListen = "metrics_listen", Network, "ASVS 13.4";

    /// The cost of a password hash.
    BcryptCost = "bcrypt_cost", Guessing, "ASVS 11.4";
    /// How many hashes have a lower cost.
    OldHashes = "old_hashes", Guessing, "ASVS 11.4";
    /// How many hashes of Django are left of an import.
    ImportedHashes = "imported_hashes", Guessing, "ASVS 11.4";
    /// The minimum length of a password.
    PasswordLength = "password_length", Guessing, "NIST 800-63B-4";
    /// The limit of failed attempts on an account.
    AccountLimit = "account_limit", Guessing, "ASVS 6.3.1";
    /// The limit of failed attempts from an address.
    AddressLimit = "address_limit", Guessing, "ASVS 6.3.1";
    /// The strength of a one-time code.
    OtpCode = "otp_code", Guessing, "ASVS 6.5";
    /// The limit of codes sent to an account.
    OtpRequests = "otp_requests", Guessing, "ASVS 6.6";
    /// The delivery of codes.
    OtpDelivery = "otp_delivery", Guessing, "ASVS 6.6";

    /// Whether there are administrators.
    Administrators = "administrators", Administration, "NIST 800-53 AC-2";
    /// Administrators who have not logged in for long.
    IdleAdministrators = "idle_administrators", Administration, "NIST 800-53 AC-2(3)";
    /// Whether those who may enter the panel have a second factor.
    SecondFactor = "second_factor", Administration, "ASVS 6.3.3";
    /// Whether the secrets of authenticator apps can be decrypted.
    LostApps = "lost_apps", Administration, "ASVS 6.4";
    /// Roles of users that the configuration does not have.
    Roles = "roles", Administration, "NIST 800-53 AC-6";
    /// The lifetime of sessions in the panel.
    PanelSessions = "panel_sessions", Administration, "ASVS 7.3";
    /// The lifetime of a link to set a password.
    LinkLifetime = "link_lifetime", Administration, "ASVS 6.4";

    /// Whether the database can be read and its schema is up to date.
    Database = "database", Upkeep, "ASVS 16.5.3";
    /// Whether expired rows are deleted.
    Flush = "flush", Upkeep, "SimpleJWT";
    /// Whether the clocks of the server and the database agree.
    Clock = "clock", Upkeep, "RFC 7519 4.1.4";
    /// Codes, links and notices that could not be sent lately.
    FailedDeliveries = "failed_deliveries", Upkeep, "ASVS 16.5.3";
    /// The permissions of the data files.
    DataFiles = "data_files", Upkeep, "ASVS 14.2";
    /// The state of the audit chain.
    AuditChain = "audit_chain", Upkeep, "ASVS 16.4.2";
    /// Whether the end of the audit chain is kept outside the database.
    AuditCheckpoint = "audit_checkpoint", Upkeep, "ASVS 16.4.2";
    /// How long audit events are kept.
    AuditRetention = "audit_retention", Upkeep, "ASVS 16.1";
    /// Whether the key of Django is still needed.
    DjangoKey = "django_key", Upkeep, "SimpleJWT";
    /// The level of the log.
    LogLevel = "log_level", Upkeep, "ASVS 16.2.5";
}

impl Check {
    /// Whether the check reads the database.
    pub(super) fn needs_database(self) -> bool {
        matches!(
            self,
            Self::OldHashes
                | Self::ImportedHashes
                | Self::Administrators
                | Self::IdleAdministrators
                | Self::SecondFactor
                | Self::LostApps
                | Self::Roles
                | Self::Database
                | Self::Flush
                | Self::Clock
                | Self::FailedDeliveries
                | Self::AuditChain
                | Self::AuditCheckpoint
                | Self::DjangoKey
        )
    }
}

/// The group of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Tokens and sessions.
    Tokens,
    /// The master key.
    Key,
    /// Network connections.
    Network,
    /// Passwords and one-time codes.
    Guessing,
    /// Administrators and their sessions.
    Administration,
    /// The database, its files and background tasks.
    Upkeep,
}

impl Group {
    /// All groups, in the order in which they are shown.
    pub const ALL: &'static [Self] = &[
        Self::Tokens,
        Self::Key,
        Self::Network,
        Self::Guessing,
        Self::Administration,
        Self::Upkeep,
    ];

    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Key => "key",
            Self::Network => "network",
            Self::Guessing => "guessing",
            Self::Administration => "administration",
            Self::Upkeep => "upkeep",
        }
    }

    /// The title in a language.
    #[must_use]
    pub fn title(self, language: Language) -> String {
        LocalizedText::new(format!("group.{}", self.as_str())).say(language)
    }
}

/// The level of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is to be done.
    Ok,
    /// It could be improved, or is suitable for development only.
    Advice,
    /// Something is wrong, or could not be checked.
    Problem,
}

impl Level {
    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Advice => "advice",
            Self::Problem => "problem",
        }
    }

    /// This level if something `applies`, otherwise `ok`.
    pub(super) fn when(self, applies: bool) -> Self {
        if applies { self } else { Self::Ok }
    }

    /// The level of a value that is fine up to `fine`, and a problem beyond `bad`.
    pub(super) fn up_to<T: PartialOrd + Copy>(measure: T, (fine, bad): (T, T)) -> Self {
        if measure <= fine {
            Self::Ok
        } else if measure <= bad {
            Self::Advice
        } else {
            Self::Problem
        }
    }
}
