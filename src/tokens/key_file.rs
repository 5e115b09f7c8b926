//! Files with keys.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// A file of more bytes is not a key file.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a key file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let file = File::open(path)?;
    file.take(MAX_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

/// Whether a secret begins or ends with a quotation mark. It is trimmed already.
pub(super) fn is_quoted(secret: &[u8]) -> bool {
    let is_quote = |byte: Option<&u8>| byte.is_some_and(|byte| b"\"'`".contains(byte));
    is_quote(secret.first()) || is_quote(secret.last())
}

/// Creates a file that only its owner can read. Returns `false` if it already exists; it is then left unchanged.
///
/// The content is written to a temporary file first, so that neither a concurrent process nor a start after a crash reads
/// an incomplete file.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<bool> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    // Unlike a rename, a hard link does not replace an existing file.
    match fs::hard_link(&temporary, path) {
        Ok(()) => fs::remove_file(&temporary).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&temporary).map(|()| false)
        }
        // The file system does not support hard links.
        Err(_) => fs::rename(&temporary, path).map(|()| true),
    }
}
