//! Whether others use the database while a background job runs: it rests then, and works without a pause if they do not.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use diesel::{prelude::*, sql_types::Bool};

use crate::store::engine::connection::{Db, FEED_NAME, Target, data_version};
use crate::store::error::StoreError;

/// Counts the writes of this process, and tells a job about others. Clones for a job share the count.
#[derive(Clone, Default)]
pub(crate) struct OtherWork {
    /// How many writes have begun, without those of jobs.
    writes: Arc<AtomicU64>,
    /// What the job has seen whose clone this is.
    job: Option<Arc<Seen>>,
}

/// What a job has seen of others.
#[derive(Default)]
pub(crate) struct Seen {
    /// Whether its transactions saw another process, since it was asked last.
    process: AtomicBool,
    /// SQLite: the data version in the job's last transaction; 0 before the first.
    data_version: AtomicI64,
    /// The count of writes when it was asked last.
    writes: AtomicU64,
}

impl OtherWork {
    /// The same for another job.
    pub(crate) fn for_job(&self) -> Self {
        Self {
            writes: Arc::clone(&self.writes),
            job: Some(Arc::default()),
        }
    }

    /// A write begins. Returns what is to look for other processes at its end if it is one of a job.
    pub(crate) fn begin_write(&self) -> Option<Arc<Seen>> {
        if self.job.is_none() {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        self.job.clone()
    }

    /// Whether others have written since the last call, or another process was seen; `false` if this is for no job.
    pub(crate) fn was_seen(&self) -> bool {
        let writes = self.writes.load(Ordering::Relaxed);
        self.job.as_ref().is_some_and(|seen| {
            let wrote = seen.writes.swap(writes, Ordering::Relaxed) != writes;
            seen.process.swap(false, Ordering::Relaxed) || wrote
        })
    }
}

impl Seen {
    /// Looks for other processes, at the end of a transaction of the job.
    pub(crate) fn look(&self, connection: &mut Db) -> Result<(), StoreError> {
        let is_seen = match connection {
            // Only other processes change it: this one writes on this connection.
            Db::Sqlite(sqlite) => data_version(sqlite).is_some_and(|version| {
                let before = self.data_version.swap(version, Ordering::Relaxed);
                before != 0 && before != version
            }),
            Db::Postgres(postgres) => has_other_sessions(postgres)?,
        };
        self.process.fetch_or(is_seen, Ordering::Relaxed);
        Ok(())
    }
}

impl Target {
    /// SQLite on Linux: whether another process has the database open, and may wait for the lock unseen.
    pub(crate) fn is_open_elsewhere(&self) -> bool {
        match self {
            Self::Sqlite { path, .. } => is_open_elsewhere(path),
            Self::Postgres { .. } => false,
        }
    }

    /// For jobs that see no one else: how long they may hold the lock of SQLite, in one transaction or in several that follow
    /// one another, and how long the pause after that is, in which every process that waits for the lock gets it. Such a process
    /// tries again every 100 ms (`sqliteDefaultBusyCallback`) until its `busy_timeout`. `None` on Postgres, which has a queue.
    pub(crate) fn lock_pause(&self) -> Option<(Duration, Duration)> {
        match self {
            Self::Sqlite { busy_timeout, .. } => Some((
                (*busy_timeout / 2).min(Duration::from_secs(2)),
                Duration::from_millis(105),
            )),
            Self::Postgres { .. } => None,
        }
    }
}

/// Whether another process holds the lock that each connection to a database with a write-ahead log keeps while it is open:
/// the kernel lists locks by process and file. `false` where it does not, as for a process in another container.
fn is_open_elsewhere(database: &Path) -> bool {
    let (Ok(file), Ok(locks)) = (database.metadata(), fs::read_to_string("/proc/locks")) else {
        return false;
    };
    has_other_owner(&locks, file.ino(), process::id())
}

/// Lines are as `1: POSIX  ADVISORY  READ 10838 fe:00:10774279 1073741826 1073742335`: process, device and file, range.
fn has_other_owner(locks: &str, inode: u64, process: u32) -> bool {
    let (inode, process) = (format!(":{inode}"), process.to_string());
    locks.lines().any(|lock| {
        let mut fields = lock.split_ascii_whitespace().skip(4);
        let owner = fields.next();
        let is_of_file = fields.next().is_some_and(|file| file.ends_with(&inode));
        is_of_file && owner != Some(&process)
    })
}

/// Whether another session began a statement in this database since the beginning of this transaction.
fn has_other_sessions(postgres: &mut PgConnection) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Seen {
        #[diesel(sql_type = Bool)]
        is_seen: bool,
    }
    let seen: Seen = diesel::sql_query(format!(
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
         AND application_name <> '{FEED_NAME}' AND query_start > now()) AS is_seen"
    ))
    .get_result(postgres)?;
    Ok(seen.is_seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_another_process_on_the_same_file_is_found() {
        let locks = "1: POSIX  ADVISORY  READ 10838 fe:00:774842 128 128\n\
                     1: -> POSIX  ADVISORY  WRITE 7 fe:00:5 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 9 fe:00:74842 0 EOF\n";
        assert!(has_other_owner(locks, 774_842, 10_839));
        assert!(!has_other_owner(locks, 774_842, 10_838));
        assert!(has_other_owner(locks, 74_842, 10_838));
        assert!(!has_other_owner(locks, 4_842, 1));
        assert!(!has_other_owner("", 774_842, 1));
    }
}
