//! The lines of the security checklist: what each belongs to, and where its rule stands. What it finds is the services'.

use super::words::words;

words! {
    /// What a check belongs to.
    Group {
        /// Tokens and the key that signs them.
        Tokens = "tokens",
        /// The way between clients and the server.
        Network = "network",
        /// Passwords, codes and how they are guessed.
        Passwords = "passwords",
        /// Accounts and the database.
        Data = "data",
        /// What is recorded.
        Record = "record",
    }
}

words! {
    /// One line of the list.
    Check {
        /// How long an access token lives.
        AccessLifetime = "access_lifetime",
        /// How long a refresh token and a session live.
        RefreshLifetime = "refresh_lifetime",
        /// Whether a refresh gives a new refresh token.
        Rotation = "rotation",
        /// Whether the old one is refused then.
        Blacklist = "blacklist",
        /// Whether a used refresh token is good for long.
        Reuse = "reuse",
        /// How long the key is, and whether it looks random.
        Key = "key",
        /// Where the key is, and who can read it.
        KeyFile = "key_file",
        /// How old the key is.
        KeyAge = "key_age",
        /// What of a person stands in a token.
        Claims = "claims",
        /// Whether something secret stands in a token.
        ExtraClaims = "extra_claims",
        /// Whether clients come over https.
        Https = "https",
        /// Which way refresh tokens travel.
        Transport = "transport",
        /// Which other pages may call.
        Origins = "origins",
        /// Whether cookies are protected.
        Cookies = "cookies",
        /// Whose forwarded headers are believed.
        Proxies = "proxies",
        /// Who can reach the metrics.
        Metrics = "metrics",
        /// Whether the way to the database can be listened to.
        DatabaseTls = "database_tls",
        /// Whether mail can be listened to.
        MailTls = "mail_tls",
        /// Whether the gateway for codes can be listened to.
        WebhookTls = "webhook_tls",
        /// How costly a guess at a stolen hash is.
        BcryptCost = "bcrypt_cost",
        /// How many stored hashes are cheaper than that.
        StoredHashes = "stored_hashes",
        /// How short a password may be.
        PasswordLength = "password_length",
        /// How often may be guessed.
        Guessing = "guessing",
        /// Which way one-time codes go.
        CodeDelivery = "code_delivery",
        /// Whether the database can be asked.
        Database = "database",
        /// Whether its schema is this program's.
        Schema = "schema",
        /// Who can read the database's file.
        DatabaseFile = "database_file",
        /// Whether clocks agree.
        Clock = "clock",
        /// Whether what has expired is taken out.
        Flush = "flush",
        /// Whether there are administrators, and more than one.
        Administrators = "administrators",
        /// Administrators who have not been here for long.
        IdleAdministrators = "idle_administrators",
        /// Whether the record is sealed.
        RecordSeal = "record_seal",
        /// How long the record is kept.
        RecordKept = "record_kept",
        /// What the log tells.
        Log = "log",
    }
}

impl Check {
    /// What it belongs to.
    #[must_use]
    pub fn group(self) -> Group {
        match self {
            Self::AccessLifetime
            | Self::RefreshLifetime
            | Self::Rotation
            | Self::Blacklist
            | Self::Reuse
            | Self::Key
            | Self::KeyFile
            | Self::KeyAge
            | Self::Claims
            | Self::ExtraClaims => Group::Tokens,
            Self::Https
            | Self::Transport
            | Self::Origins
            | Self::Cookies
            | Self::Proxies
            | Self::Metrics
            | Self::DatabaseTls
            | Self::MailTls
            | Self::WebhookTls => Group::Network,
            Self::BcryptCost
            | Self::StoredHashes
            | Self::PasswordLength
            | Self::Guessing
            | Self::CodeDelivery => Group::Passwords,
            Self::Database
            | Self::Schema
            | Self::DatabaseFile
            | Self::Clock
            | Self::Flush
            | Self::Administrators
            | Self::IdleAdministrators => Group::Data,
            Self::RecordSeal | Self::RecordKept | Self::Log => Group::Record,
        }
    }

    /// Where the rule stands.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::AccessLifetime | Self::RefreshLifetime => "ASVS 5.0 10.4.8, 7.3",
            Self::Rotation | Self::Blacklist | Self::Reuse => "ASVS 5.0 10.4.5, RFC 9700",
            Self::Key | Self::KeyFile => "RFC 7518 3.2, ASVS 5.0 11.2",
            Self::KeyAge => "ASVS 5.0 11.1, NIST SP 800-57",
            Self::Claims | Self::ExtraClaims => "RFC 7519 12, OWASP JWT",
            Self::Https | Self::DatabaseTls | Self::MailTls | Self::WebhookTls => "ASVS 5.0 12.2",
            Self::Transport | Self::Cookies => "ASVS 5.0 3.3",
            Self::Origins => "ASVS 5.0 3.4.2",
            Self::Proxies => "ASVS 5.0 4.1.3",
            Self::Metrics => "ASVS 5.0 13.4",
            Self::BcryptCost | Self::StoredHashes => "ASVS 5.0 11.4.2",
            Self::PasswordLength => "ASVS 5.0 6.2.1, NIST SP 800-63B-4",
            Self::Guessing => "ASVS 5.0 6.3.1",
            Self::CodeDelivery => "ASVS 5.0 6.6",
            Self::Database | Self::Schema => "ASVS 5.0 16.5.3",
            Self::DatabaseFile => "ASVS 5.0 13.3.2",
            Self::Clock => "ASVS 5.0 16.2.2",
            Self::Flush => "SimpleJWT",
            Self::Administrators | Self::IdleAdministrators => {
                "ASVS 5.0 8.4.2, NIST SP 800-53 AC-2"
            }
            Self::RecordSeal | Self::RecordKept => "ASVS 5.0 16.4.2",
            Self::Log => "ASVS 5.0 16.2.5",
        }
    }
}
