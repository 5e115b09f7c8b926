//! The formats of stored passwords: their names, and why a stored text cannot be used.

/// The format of a stored password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashFormat {
    /// munjigi's own.
    Own,
    /// `pbkdf2_sha256$<iterations>$<salt>$<hash>`.
    Pbkdf2Sha256,
    /// `pbkdf2_sha1$<iterations>$<salt>$<hash>`.
    Pbkdf2Sha1,
    /// `argon2$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>`, also `argon2i` and `argon2d`.
    Argon2,
    /// `bcrypt_sha256$$2b$…`: bcrypt of the SHA-256 hash in hexadecimal.
    BcryptSha256,
    /// `bcrypt$$2b$…`: bcrypt of the first 72 bytes.
    Bcrypt,
    /// `scrypt$<N>$<salt>$<r>$<p>$<hash>`.
    Scrypt,
    /// `md5$<salt>$<hash>`.
    Md5,
    /// `!…`: no password.
    Unusable,
}

impl HashFormat {
    /// The formats of Django, in the order of their names in messages.
    pub const DJANGO: [Self; 8] = [
        Self::Pbkdf2Sha256,
        Self::Pbkdf2Sha1,
        Self::Argon2,
        Self::BcryptSha256,
        Self::Bcrypt,
        Self::Scrypt,
        Self::Md5,
        Self::Unusable,
    ];

    /// The name; Django's for its own formats.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "bcrypt-sha256",
            Self::Pbkdf2Sha256 => "pbkdf2_sha256",
            Self::Pbkdf2Sha1 => "pbkdf2_sha1",
            Self::Argon2 => "argon2",
            Self::BcryptSha256 => "bcrypt_sha256",
            Self::Bcrypt => "bcrypt",
            Self::Scrypt => "scrypt",
            Self::Md5 => "md5",
            Self::Unusable => "unusable",
        }
    }

    /// The sums of counts, in the order of [`HashFormat::DJANGO`], without zeros.
    #[must_use]
    pub fn totals(counts: [&[(Self, i64)]; 2]) -> Vec<(Self, i64)> {
        let total = |format| {
            let of_format = counts.into_iter().flatten().filter(|(it, _)| *it == format);
            (format, of_format.map(|(_, n)| n).sum())
        };
        let totals = Self::DJANGO.into_iter().map(total);
        totals.filter(|(_, n)| *n > 0).collect()
    }

    /// Counts as text, such as `pbkdf2_sha256 12, md5 3`.
    #[must_use]
    pub fn list(counts: &[(Self, i64)]) -> String {
        let texts: Vec<String> = counts
            .iter()
            .map(|(format, n)| format!("{} {n}", format.as_str()))
            .collect();
        texts.join(", ")
    }

    /// Django's format of a stored text that begins like this, at least up to the first `$`; `None` for any other text.
    #[must_use]
    pub fn of_prefix(stored: &str) -> Option<Self> {
        if stored.starts_with('!') {
            return Some(Self::Unusable);
        }
        let (name, _) = stored.split_once('$')?;
        Self::DJANGO
            .into_iter()
            .find(|format| format.as_str() == name && *format != Self::Unusable)
    }
}

/// Why a stored text cannot be used. No variant contains a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// None of the formats.
    #[error(
        "the format of the password hash is unknown; known are pbkdf2_sha256, pbkdf2_sha1, argon2, bcrypt_sha256, bcrypt, \
         scrypt and md5 of Django, and munjigi's $bcrypt-sha256$v=2"
    )]
    Unknown,
    /// Not what the format prescribes.
    #[error("the password hash is not a well-formed {} hash", .0.as_str())]
    Malformed(HashFormat),
    /// A comparison would take too long.
    #[error(
        "comparing with the {} hash takes more work than {MAX_WORK} iterations of PBKDF2-SHA-256, the most that is allowed",
        .0.as_str()
    )]
    TooSlow(HashFormat),
    /// A comparison would need too much memory.
    #[error("comparing with the {} hash needs more than {} MiB of memory, the most that is allowed", .0.as_str(), MAX_MEMORY >> 20)]
    TooMuchMemory(HashFormat),
}

/// The most work of one comparison, in iterations of PBKDF2-SHA-256: four times the default of Django 5.2. Every wrong
/// password costs as much as the dearest hash that was compared.
pub const MAX_WORK: u64 = 4_000_000;
/// The work of one comparison with a hash that Django 5.2 makes by default.
pub const DEFAULT_WORK: u64 = 1_000_000;
/// The most memory of one comparison, in bytes. Django's defaults need 100 MiB for Argon2 and 16 MiB for scrypt.
pub const MAX_MEMORY: u64 = 256 << 20;

/// The work of bcrypt, about, in iterations of PBKDF2-SHA-256.
pub(super) fn bcrypt_work(cost: u32) -> u64 {
    200 << cost
}
