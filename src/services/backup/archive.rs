//! The archive: a tar file with a description, the keys, the audit checkpoint and the database, in this order.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, EntryType, Header};

use crate::clock::Timestamp;
use crate::services::audit_chain::checkpoint::{Checkpoint, file_in};
use crate::services::backup::encryption::{DecryptionKey, Encryption, reader};
use crate::services::backup::error::BackupError;
use crate::services::backup::keys::{self, BackupKey};
use crate::store::engine::file_access::with_suffix;

/// The version of the format that this program writes. It reads no later one.
const FORMAT: u32 = 1;
/// The name of the description.
const DESCRIPTION: &str = "manifest.json";
/// The name of the database.
pub const DATABASE: &str = "munjigi.db";
/// The name of the audit checkpoint.
const CHECKPOINT: &str = "audit.checkpoint";
/// No file of an archive but the database is longer, in bytes.
const MAX_SMALL: u64 = 64 * 1024;

/// What a backup is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Description {
    format: u32,
    /// The version of the program that made it.
    version: String,
    /// When the database was as it is in the backup, in seconds since 1970.
    created_at: i64,
    /// The SHA-256 hash of the database.
    database_sha256: String,
    /// The names of the keys.
    keys: Vec<String>,
}

/// The contents of a backup. The database is a file.
pub struct Contents {
    /// When the database was as it is in the backup.
    pub created_at: Timestamp,
    /// The version of the program that made it.
    pub version: String,
    /// The keys.
    pub keys: Vec<BackupKey>,
    /// The end of its audit chain.
    pub checkpoint: Option<Checkpoint>,
}

/// Writes a backup, and returns its size in bytes. The file is complete or does not exist: it is written beside its place
/// first. Only its owner may read it.
///
/// # Errors
/// [`BackupError::Exists`] and [`BackupError::File`].
pub fn write(
    to: &Path,
    encryption: &Encryption,
    contents: &Contents,
    database: &Path,
) -> Result<u64, BackupError> {
    let unfinished = with_suffix(to, ".unfinished");
    let written = write_unfinished(&unfinished, encryption, contents, database);
    let failed = BackupError::file("written", to);
    let placed = written.map_err(&failed).and_then(|size| {
        if to.exists() {
            return Err(BackupError::Exists(to.to_owned()));
        }
        fs::rename(&unfinished, to)
            .and_then(|()| sync_directory_of(to))
            .map_err(&failed)?;
        Ok(size)
    });
    placed.inspect_err(|_| {
        // If it cannot be removed either, it stays behind.
        let _ = fs::remove_file(&unfinished);
    })
}

fn write_unfinished(
    path: &Path,
    encryption: &Encryption,
    contents: &Contents,
    database: &Path,
) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let output = BufWriter::new(options.open(path)?);
    let mut archive = Builder::new(encryption.writer(output)?);
    let description = Description {
        format: FORMAT,
        version: contents.version.clone(),
        created_at: contents.created_at.unix_seconds(),
        database_sha256: sha256(database)?,
        keys: contents.keys.iter().map(|key| key.name.clone()).collect(),
    };
    let description = serde_json::to_vec_pretty(&description).map_err(io::Error::other)?;
    let now = contents.created_at;
    append(
        &mut archive,
        DESCRIPTION,
        now,
        description.len() as u64,
        &*description,
    )?;
    for key in &contents.keys {
        append(
            &mut archive,
            &key.name,
            now,
            key.content.len() as u64,
            &*key.content,
        )?;
    }
    if let Some(checkpoint) = &contents.checkpoint {
        let text = format!("{checkpoint}\n");
        append(
            &mut archive,
            CHECKPOINT,
            now,
            text.len() as u64,
            text.as_bytes(),
        )?;
    }
    let file = File::open(database)?;
    append(&mut archive, DATABASE, now, file.metadata()?.len(), file)?;
    let mut output = archive.into_inner()?.finish()?;
    output.flush()?;
    let file = output
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn append(
    archive: &mut Builder<impl Write>,
    name: &str,
    created_at: Timestamp,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(created_at.unix_seconds()).unwrap_or(0));
    header.set_size(size);
    archive.append_data(&mut header, name, content)
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut digest = Context::new(&SHA256);
    let mut input = BufReader::new(File::open(path)?);
    let mut block = vec![0; 64 * 1024];
    loop {
        let read = input.read(&mut block)?;
        if read == 0 {
            return Ok(HEXLOWER.encode(digest.finish().as_ref()));
        }
        digest.update(block.get(..read).unwrap_or_default());
    }
}

/// Makes the renaming of a file durable.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

/// Unpacks a backup into a directory, which becomes a data directory: with the database [`DATABASE`], the keys by their
/// names, and the audit checkpoint.
///
/// # Errors
/// [`BackupError::File`], [`BackupError::NotDecrypted`] and [`BackupError::NotABackup`].
pub fn unpack(
    from: &Path,
    key: Option<&DecryptionKey>,
    into: &Path,
) -> Result<Contents, BackupError> {
    let input = reader(from, key)?;
    let unpacked = unpack_entries(input, into);
    let (description, keys) = unpacked.map_err(|error| BackupError::not_a_backup(from, &error))?;
    let incomplete = |reason: &str| BackupError::not_a_backup(from, reason);
    let database = into.join(DATABASE);
    if !database.exists() {
        return Err(incomplete("it has no database"));
    }
    let hash = sha256(&database).map_err(BackupError::file("read", &database))?;
    if hash != description.database_sha256 {
        return Err(incomplete("its database was changed"));
    }
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    if names != description.keys || !names.contains(&keys::MASTER_KEY) {
        return Err(incomplete("it lacks a key"));
    }
    let created_at = Timestamp::from_unix_seconds(description.created_at);
    Ok(Contents {
        created_at: created_at.ok_or_else(|| incomplete("it has no time"))?,
        version: description.version,
        keys,
        checkpoint: Checkpoint::read(&file_in(into)),
    })
}

fn unpack_entries(input: Box<dyn Read>, into: &Path) -> io::Result<(Description, Vec<BackupKey>)> {
    let mut archive = Archive::new(input);
    let mut description: Option<Description> = None;
    let mut keys = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let is_regular = entry.header().entry_type() == EntryType::Regular;
        if description.is_none() && name != DESCRIPTION {
            return Err(io::Error::other(format!(
                "it does not begin with {DESCRIPTION}"
            )));
        }
        match name.as_str() {
            DATABASE if is_regular => {
                let mut file = File::create_new(into.join(DATABASE))?;
                io::copy(&mut entry, &mut file)?;
            }
            DESCRIPTION if is_regular => description = Some(described(&small(&mut entry)?)?),
            CHECKPOINT if is_regular => fs::write(file_in(into), small(&mut entry)?)?,
            _ if is_regular && keys::is_key(&name) => {
                let content = small(&mut entry)?;
                fs::write(into.join(&name), &content)?;
                keys.push(BackupKey { name, content });
            }
            _ => return Err(io::Error::other("it has a file that no backup has")),
        }
    }
    // To its end: only then is it known that nothing was cut off.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    let description = description.ok_or_else(|| io::Error::other("it is empty"))?;
    Ok((description, keys))
}

fn small(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    entry.take(MAX_SMALL).read_to_end(&mut content)?;
    Ok(content)
}

fn described(text: &[u8]) -> io::Result<Description> {
    let description: Description = serde_json::from_slice(text)
        .map_err(|error| io::Error::other(format!("{DESCRIPTION} cannot be read: {error}")))?;
    if description.format > FORMAT {
        return Err(io::Error::other(format!(
            "munjigi {} has made it, in a format that this version does not know: restore it with that version",
            description.version
        )));
    }
    Ok(description)
}
