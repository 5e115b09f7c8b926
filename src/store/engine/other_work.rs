//! Whether others use the database while a background job runs: it rests then, and works without a pause if they do not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use diesel::{prelude::*, sql_types::Bool};

use crate::store::engine::connection::{Db, FEED_NAME, data_version};
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
