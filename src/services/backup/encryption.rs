//! The encryption of backups with age (<https://age-encryption.org/v1>).

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    iter,
    path::Path,
};

use age::secrecy::SecretString;
use age::stream::StreamWriter;
use age::{DecryptError, Decryptor, Encryptor, Identity, IdentityFile, scrypt, x25519};

use crate::services::backup::error::BackupError;

/// The first bytes of a file that age has encrypted.
const AGE: &[u8] = b"age-encryption.org/";

/// The most work that a passphrase may take, as in the program `age`: 4 GiB of memory and a minute or so.
const MAX_WORK_FACTOR: u8 = 22;

/// How a backup is encrypted.
#[derive(Clone)]
pub enum Encryption {
    /// To a public key.
    Recipient(x25519::Recipient),
    /// With a passphrase.
    Passphrase(SecretString),
    /// Not at all.
    None,
}

impl Encryption {
    /// To a recipient such as `age1…`.
    ///
    /// # Errors
    /// [`BackupError::Recipient`].
    pub fn recipient(text: &str) -> Result<Self, BackupError> {
        let recipient = text.parse().map_err(|_| BackupError::Recipient)?;
        Ok(Self::Recipient(recipient))
    }

    /// With a passphrase.
    #[must_use]
    pub fn passphrase(text: String) -> Self {
        Self::Passphrase(text.into())
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Encrypts what is written to it. [`EncryptingWriter::finish`] writes the end.
    pub(super) fn writer<W: Write>(&self, output: W) -> io::Result<EncryptingWriter<W>> {
        let encryptor = match self {
            Self::None => return Ok(EncryptingWriter::Plain(output)),
            Self::Recipient(recipient) => {
                let recipients = iter::once(recipient as &dyn age::Recipient);
                Encryptor::with_recipients(recipients).map_err(io::Error::other)?
            }
            Self::Passphrase(passphrase) => Encryptor::with_user_passphrase(passphrase.clone()),
        };
        Ok(EncryptingWriter::Age(encryptor.wrap_output(output)?))
    }
}

/// Encrypts what is written to it.
pub(super) enum EncryptingWriter<W: Write> {
    Plain(W),
    Age(StreamWriter<W>),
}

impl<W: Write> EncryptingWriter<W> {
    /// Writes the end, and returns the output.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(output) => Ok(output),
            Self::Age(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for EncryptingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(bytes),
            Self::Age(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Age(writer) => writer.flush(),
        }
    }
}

/// What a file is encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing.
    None,
    /// The public key of a recipient.
    Recipient,
    /// A passphrase.
    Passphrase,
}

/// What opens an encrypted file.
pub enum DecryptionKey {
    /// The private keys of recipients.
    Identities(Vec<Box<dyn Identity>>),
    /// The passphrase.
    Passphrase(SecretString),
}

impl DecryptionKey {
    /// The private keys in a file, as `age-keygen` writes it.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn from_identity_file(path: &Path) -> Result<Self, BackupError> {
        let failed = BackupError::file("read", path);
        let file = File::open(path).map_err(&failed)?;
        let identities = IdentityFile::from_buffer(BufReader::new(file))
            .map_err(&failed)?
            .into_identities()
            .map_err(|error| failed(io::Error::other(error)))?;
        if identities.is_empty() {
            return Err(failed(io::Error::other(
                "it has no private key of age (AGE-SECRET-KEY-1…)",
            )));
        }
        Ok(Self::Identities(identities))
    }

    /// A passphrase.
    #[must_use]
    pub fn passphrase(text: String) -> Self {
        Self::Passphrase(text.into())
    }
}

/// What a file is encrypted with.
///
/// # Errors
/// [`BackupError::File`] and [`BackupError::NotABackup`].
pub fn protection(path: &Path) -> Result<Protection, BackupError> {
    let mut input = open(path)?;
    if !is_age(&mut input, path)? {
        return Ok(Protection::None);
    }
    Ok(if decryptor(input, path)?.is_scrypt() {
        Protection::Passphrase
    } else {
        Protection::Recipient
    })
}

/// Reads a file, and decrypts it if it is encrypted.
pub(super) fn reader(
    path: &Path,
    key: Option<&DecryptionKey>,
) -> Result<Box<dyn Read>, BackupError> {
    let mut input = open(path)?;
    if !is_age(&mut input, path)? {
        return Ok(Box::new(input));
    }
    let decryptor = decryptor(input, path)?;
    let failed = |reason: &str| BackupError::NotDecrypted {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let opened = match (key, decryptor.is_scrypt()) {
        (Some(DecryptionKey::Passphrase(passphrase)), true) => {
            let mut identity = scrypt::Identity::new(passphrase.clone());
            // The machine of the backup may have been much faster than this one.
            identity.set_max_work_factor(MAX_WORK_FACTOR);
            decryptor.decrypt(iter::once(&identity as &dyn Identity))
        }
        (Some(DecryptionKey::Identities(identities)), false) => {
            decryptor.decrypt(identities.iter().map(|identity| &**identity))
        }
        (_, true) => return Err(failed("it is encrypted with a passphrase: give that")),
        (_, false) => return Err(failed("it is encrypted to a recipient: give --identity")),
    };
    match opened {
        Ok(reader) => Ok(Box::new(reader)),
        Err(DecryptError::NoMatchingKeys) => Err(failed(
            "no key of the identity file is that of its recipient",
        )),
        Err(DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed) => {
            Err(failed("the passphrase is wrong, or the file was changed"))
        }
        Err(error) => Err(failed(&error.to_string())),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, BackupError> {
    let file = File::open(path).map_err(BackupError::file("read", path))?;
    Ok(BufReader::new(file))
}

fn is_age(input: &mut BufReader<File>, path: &Path) -> Result<bool, BackupError> {
    let start = input.fill_buf().map_err(BackupError::file("read", path))?;
    Ok(start.starts_with(AGE))
}

fn decryptor(
    input: BufReader<File>,
    path: &Path,
) -> Result<Decryptor<BufReader<File>>, BackupError> {
    Decryptor::new_buffered(input).map_err(|error| BackupError::not_a_backup(path, &error))
}
