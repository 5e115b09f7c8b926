//! The names of the files beside a SQLite database, and whether they can be written, without writing to them.

use std::{
    fmt, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

/// A file or directory that this process cannot write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// The file or directory.
    pub path: PathBuf,
    /// The user that owns it.
    pub owner: String,
    /// Its permission bits.
    pub mode: u32,
    /// The user of this process.
    pub user: String,
    /// Whether its file system is mounted for reading only.
    pub on_read_only_file_system: bool,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path, owner, user, ..
        } = self;
        let path = path.display();
        if self.on_read_only_file_system {
            return write!(f, "{path} is on a read-only file system");
        }
        let mode = self.mode;
        write!(
            f,
            "{path} cannot be written: it belongs to {owner} (mode {mode:04o}) and munjigi runs as {user}. "
        )?;
        if owner == user {
            write!(f, "Run `chmod u+rwX {path}`")
        } else {
            write!(f, "Run `chown {user} {path}`, or run munjigi as {owner}")
        }
    }
}

/// The first of a SQLite file, the files of its write-ahead log and its directory that exists and cannot be written to.
#[must_use]
pub fn find_unwritable(database: &Path) -> Option<Unwritable> {
    let directory = match database.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let [log, shared] = ["-wal", "-shm"].map(|suffix| with_suffix(database, suffix));
    [directory, database.to_owned(), log, shared]
        .iter()
        .find_map(|path| unwritable(path))
}

/// The path of a file beside another one: its name with a suffix.
#[must_use]
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `None` if it can be written to or does not exist.
#[must_use]
pub fn unwritable(path: &Path) -> Option<Unwritable> {
    let metadata = std::fs::metadata(path).ok()?;
    let needed = if metadata.is_dir() {
        Access::WRITE_OK | Access::EXEC_OK
    } else {
        Access::READ_OK | Access::WRITE_OK
    };
    let error = access(path, needed).err()?;
    Some(Unwritable {
        path: path.to_owned(),
        owner: user_name(metadata.uid()),
        mode: metadata.mode() & 0o7777,
        user: user_name(geteuid().as_raw()),
        on_read_only_file_system: io::Error::from(error).kind()
            == io::ErrorKind::ReadOnlyFilesystem,
    })
}

/// The name of a user, or its number if it has none.
fn user_name(id: u32) -> String {
    let id = id.to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    name.unwrap_or(id)
}
