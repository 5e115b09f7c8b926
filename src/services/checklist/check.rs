//! The list itself: which checks there are, in which group each stands, and the rule that it comes from.

use crate::{domain::language::Language, services::checklist::finding::LocalizedText};

/// Makes the list: a variant, its word, its group and its source.
macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident = $word:literal, $group:ident, $source:literal;)+) => {
        /// A line of the security checklist.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $($(#[$doc])* $check,)+
        }

        impl Check {
            /// All of them, in the order in which they are told.
            pub const ALL: &'static [Self] = &[$(Self::$check),+];

            /// Their words.
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            /// The word that programs know it by. It never changes.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$check => $word,)+ }
            }

            /// What it is about.
            #[must_use]
            pub fn group(self) -> Group {
                match self { $(Self::$check => Group::$group,)+ }
            }

            /// The rule behind it: a section of an RFC, of ASVS 5.0 or of a NIST SP; or SimpleJWT's own advice.
            #[must_use]
            pub fn source(self) -> &'static str {
                match self { $(Self::$check => $source,)+ }
            }
        }
    };
}

checks! {
    /// How long an access token lives.
    AccessLifetime = "access_lifetime", Tokens, "RFC 6750 5.3";
    /// How long a refresh token lives.
    RefreshLifetime = "refresh_lifetime", Tokens, "ASVS 7.3";
    /// How long a login lasts however often it is refreshed.
    SessionLifetime = "session_lifetime", Tokens, "ASVS 10.4.8";
    /// Whether each refresh gives a new refresh token.
    Rotation = "rotation", Tokens, "RFC 9700 4.14";
    /// Whether a refresh token that was replaced is void.
    Blacklist = "blacklist", Tokens, "ASVS 10.4.5";
    /// How long a replaced refresh token is an honest repeat.
    ReuseGrace = "reuse_grace", Tokens, "ASVS 10.4.5";
    /// Whether a lost answer is given again even later.
    LostAnswer = "lost_answer", Tokens, "RFC 9700 4.14";
    /// How long an expired token is still taken.
    Leeway = "leeway", Tokens, "RFC 7519 4.1.4";
    /// Whether tokens say who made them and for whom.
    Audience = "audience", Tokens, "ASVS 9.2.3";
    /// What tokens tell of a person.
    PersonalData = "personal_data", Tokens, "RFC 7519 12";
    /// Whether a fixed claim looks like a secret.
    ExtraClaims = "extra_claims", Tokens, "RFC 7519 12";

    /// The algorithm, and how long the key is.
    KeyLength = "key_length", Key, "RFC 7518 3.2";
    /// Whether the key came from a random source.
    KeyStrength = "key_strength", Key, "RFC 8725 3.5";
    /// Where the key is kept.
    KeySource = "key_source", Key, "ASVS 13.3";
    /// Who may read the key's file.
    KeyFile = "key_file", Key, "ASVS 13.3";
    /// How old the key is.
    KeyAge = "key_age", Key, "ASVS 13.3";

    /// Whether the server is reached over https.
    Https = "https", Network, "ASVS 12.2";
    /// Which way refresh tokens travel.
    Transport = "transport", Network, "ASVS 10.1.1";
    /// Which pages of other origins may call.
    AllowedOrigins = "allowed_origins", Network, "ASVS 3.4.2";
    /// The flags of cookies.
    Cookies = "cookies", Network, "ASVS 3.3";
    /// Whether browsers are told to stay on https.
    Hsts = "hsts", Network, "ASVS 3.4";
    /// From where the server's own port, which speaks http, can be reached.
    Listen = "listen", Network, "ASVS 12.3";
    /// Who may say from where a request came.
    TrustedProxies = "trusted_proxies", Network, "RFC 7239 8.1";
    /// Whether the way to Postgres is secret.
    PostgresTls = "postgres_tls", Network, "ASVS 12.3";
    /// Whether the way to the mail server is secret.
    SmtpTls = "smtp_tls", Network, "RFC 8314 3";
    /// Whether the way to the service that is told of codes is secret.
    WebhookTls = "webhook_tls", Network, "ASVS 12.3";
    /// From where the figures can be fetched.
    MetricsListen = "metrics_listen", Network, "ASVS 13.4";

    /// What a guess at a stolen hash costs.
    BcryptCost = "bcrypt_cost", Guessing, "ASVS 11.4";
    /// How many hashes are cheaper than that.
    OldHashes = "old_hashes", Guessing, "ASVS 11.4";
    /// The least length of a password.
    PasswordLength = "password_length", Guessing, "NIST 800-63B-4";
    /// How often an account's password can be guessed.
    AccountLimit = "account_limit", Guessing, "ASVS 6.3.1";
    /// How often an address can guess.
    AddressLimit = "address_limit", Guessing, "ASVS 6.3.1";
    /// How hard a one-time code is to guess.
    OtpCode = "otp_code", Guessing, "ASVS 6.5";
    /// How many codes an account is sent.
    OtpRequests = "otp_requests", Guessing, "ASVS 6.6";
    /// Which way a code goes.
    OtpDelivery = "otp_delivery", Guessing, "ASVS 6.6";

    /// Whether there are administrators.
    Administrators = "administrators", Administration, "NIST 800-53 AC-2";
    /// Administrators whom nobody has seen for a while.
    IdleAdministrators = "idle_administrators", Administration, "NIST 800-53 AC-2(3)";
    /// How long a session in the panel lasts.
    PanelSessions = "panel_sessions", Administration, "ASVS 7.3";
    /// How long a link to set a password is good.
    LinkLifetime = "link_lifetime", Administration, "ASVS 6.4";

    /// Whether the database answers, and its schema is this version's.
    Database = "database", Upkeep, "ASVS 16.5.3";
    /// Whether what has expired is taken out.
    Flush = "flush", Upkeep, "SimpleJWT";
    /// Whether this clock and the database's agree.
    Clock = "clock", Upkeep, "RFC 7519 4.1.4";
    /// Who may read the data.
    DataFiles = "data_files", Upkeep, "ASVS 14.2";
    /// Whether the record is sealed.
    RecordSeal = "record_seal", Upkeep, "ASVS 16.4.2";
    /// How long the record is kept.
    RecordKept = "record_kept", Upkeep, "ASVS 16.1";
    /// How much the log tells.
    LogLevel = "log_level", Upkeep, "ASVS 16.2.5";
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Tokens and sessions.
    Tokens,
    /// The key that signs them.
    Key,
    /// The ways that requests, codes and rows take.
    Network,
    /// Passwords, codes, and guessing them.
    Guessing,
    /// Administrators and their panel.
    Administration,
    /// The database, its files and what goes on by itself.
    Upkeep,
}

impl Group {
    /// All of them, in the order in which they are told.
    pub const ALL: &'static [Self] = &[
        Self::Tokens,
        Self::Key,
        Self::Network,
        Self::Guessing,
        Self::Administration,
        Self::Upkeep,
    ];

    /// The word for it.
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

    /// What it is called in a language.
    #[must_use]
    pub fn title(self, language: Language) -> String {
        LocalizedText::new(format!("group.{}", self.as_str())).say(language)
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// It could be better, or is right for trying out only.
    Advice,
    /// Something is wrong, or could not be looked at.
    Problem,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Advice => "advice",
            Self::Problem => "problem",
        }
    }

    /// The level of a measure that is fine up to `fine`, and wrong beyond `bad`.
    #[must_use]
    pub(super) fn up_to<T: PartialOrd>(measure: &T, fine: &T, bad: &T) -> Self {
        if measure <= fine {
            Self::Ok
        } else if measure <= bad {
            Self::Advice
        } else {
            Self::Problem
        }
    }
}
