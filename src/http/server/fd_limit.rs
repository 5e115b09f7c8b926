//! How many connections the system's limit of open files leaves room for.

/// Files that are open whoever is connected: the log, the listener, what the workers wait on, deliveries, static files.
const OF_THE_PROCESS: usize = 128;
/// SQLite opens the database, its journal and that one's index.
const OF_A_DATABASE_CONNECTION: usize = 3;

/// How many files are kept back from the clients' connections.
pub(crate) fn kept_back(pool_size: u32) -> usize {
    let pool = usize::try_from(pool_size).unwrap_or(usize::MAX);
    pool.saturating_mul(OF_A_DATABASE_CONNECTION)
        .saturating_add(OF_THE_PROCESS)
}

/// Raises the process's limit of open files as far as these connections and what is `kept_back` need it and the system lets
/// it; how many connections there is room for then. Fewer than were wanted is said in the log.
pub(crate) fn allow(connections: usize, kept_back: usize) -> usize {
    let limit = raised(connections.saturating_add(kept_back));
    let room = limit.saturating_sub(kept_back).clamp(1, connections);
    if room < connections {
        tracing::warn!(
            max_connections = connections,
            open_files = limit,
            held = room,
            "the system allows too few open files for server.max_connections; fewer connections are held"
        );
    }
    room
}

/// The limit of open files, raised to what is wanted where that is allowed.
#[cfg(unix)]
fn raised(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

#[cfg(not(unix))]
fn raised(_wanted: usize) -> usize {
    usize::MAX
}
