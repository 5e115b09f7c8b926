//! A cache of the rows of services, for requests with their credentials or access tokens. A row is removed when it changes, and
//! read again after a while in any case.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use crate::domain::principal::UserSeq;
use crate::store::services::ServiceRow;

/// How long a row stays fresh. Changes by munjigi remove it at once; this covers changes by hand, in SQL.
const FRESH_FOR: Duration = Duration::from_secs(30);

struct CachedService {
    service: Arc<ServiceRow>,
    /// In uptime.
    fresh_until: Duration,
}

#[derive(Default)]
struct State {
    services: HashMap<UserSeq, CachedService>,
    numbers: HashMap<String, UserSeq>,
    /// Incremented with every change of a service. A reader takes it before it reads a row, and the row is not cached when
    /// it has changed since: the row may be older than the change.
    generation: u64,
}

/// The cached services. Only services that exist are cached, so their number is limited.
#[derive(Default)]
pub struct ServiceCache(RwLock<State>);

impl ServiceCache {
    /// The cached service with this number.
    pub fn find(&self, number: UserSeq, uptime: Duration) -> Option<Arc<ServiceRow>> {
        fresh(&self.read(), number, uptime)
    }

    /// The cached service with this name.
    pub fn find_by_name(&self, name: &str, uptime: Duration) -> Option<Arc<ServiceRow>> {
        let state = self.read();
        let number = *state.numbers.get(name)?;
        fresh(&state, number, uptime)
    }

    /// The number of changes so far, to be passed to [`ServiceCache::insert`].
    pub fn generation(&self) -> u64 {
        self.read().generation
    }

    /// Caches a row that was read after [`ServiceCache::generation`] returned `generation`, unless one has changed since.
    pub fn insert(&self, service: &Arc<ServiceRow>, generation: u64, uptime: Duration) {
        let mut state = self.write();
        if state.generation == generation {
            let cached = CachedService {
                service: Arc::clone(service),
                fresh_until: uptime + FRESH_FOR,
            };
            state.numbers.insert(service.name.clone(), service.id);
            state.services.insert(service.id, cached);
        }
    }

    /// Removes a service whose row changed.
    pub fn remove(&self, number: UserSeq) {
        let mut state = self.write();
        state.generation += 1;
        if let Some(removed) = state.services.remove(&number) {
            state.numbers.remove(&removed.service.name);
        }
    }

    /// Removes all services.
    pub fn clear(&self) {
        let mut state = self.write();
        state.generation += 1;
        state.services.clear();
        state.numbers.clear();
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh(state: &State, number: UserSeq, uptime: Duration) -> Option<Arc<ServiceRow>> {
    let cached = state.services.get(&number)?;
    (cached.fresh_until > uptime).then(|| Arc::clone(&cached.service))
}
