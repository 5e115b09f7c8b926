//! How many connections the system's limit of open files permits.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open without any client: the log, the listener, the pollers of the workers, deliveries.
const PROCESS_FILES: usize = 128;
/// SQLite opens the database, its write-ahead log and the index of that.
const FILES_PER_DATABASE_CONNECTION: usize = 3;

/// How many files are reserved for uses other than client connections.
pub(in crate::http) fn reserve(database_pool_size: u32) -> usize {
    let pool = usize::try_from(database_pool_size).unwrap_or(usize::MAX);
    pool.saturating_mul(FILES_PER_DATABASE_CONNECTION)
        .saturating_add(PROCESS_FILES)
}

/// Raises the process's limit of open files to `connections` and the reserve, or as far as the system permits. Returns how
/// many connections fit, at least one; logs a warning when these are fewer than requested.
pub(super) fn raise(connections: usize, reserve: usize) -> usize {
    let limit = raised_to(connections.saturating_add(reserve));
    let permitted = limit.saturating_sub(reserve).clamp(1, connections);
    if permitted < connections {
        tracing::warn!(
            max_connections = connections,
            open_files = limit,
            held = permitted,
            "the system allows too few open files for server.max_connections; fewer connections are held"
        );
    }
    permitted
}

/// The limit of open files after raising it to `wanted`, or to the hard limit where that is lower.
fn raised_to(wanted: usize) -> usize {
    let known = |limit: Option<u64>| {
        limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        })
    };
    let limit = getrlimit(Resource::Nofile);
    if known(limit.current) >= wanted {
        return known(limit.current);
    }
    let most = wanted.min(known(limit.maximum));
    let higher = Rlimit {
        current: u64::try_from(most).ok(),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, higher) {
        Ok(()) => most,
        Err(_) => known(limit.current),
    }
}
