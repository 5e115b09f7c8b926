//! Reads by key, which lists do not delay.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt, future::join_all, stream::FuturesUnordered};
use munjigi::store::{Db, Store, StoreError, StoreSettings};
use tokio::task::JoinError;

use super::{count, insert, open};
use crate::support::{TIMEOUT, TestDatabase};

/// Blocks the threads that pass it until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (open, opened) = &*self.0;
        drop(
            opened
                .wait_while(open.lock().unwrap(), |open| !*open)
                .unwrap(),
        );
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

#[tokio::test]
async fn a_read_sees_every_write_answered_before_it() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    for number in 1..=50 {
        insert(&store, &format!("user-{number}")).await.unwrap();
        assert_eq!(store.read(count).await.unwrap(), number);
    }
}

#[tokio::test]
async fn a_panic_in_a_read_is_an_error_and_later_reads_succeed() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let panics =
        (0..8).map(|_| store.read::<(), StoreError, _>(|_| panic!("on purpose, in a test")));
    for result in join_all(panics).await {
        assert!(matches!(result, Err(StoreError::Query(_))), "{result:?}");
    }
    for _ in 0..8 {
        assert_eq!(store.read(count).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_read_that_waits_too_long_is_overloaded_and_never_runs() {
    let database = TestDatabase::migrated();
    let store = Store::open(&StoreSettings {
        target: database.target(),
        pool_size: 1,
        acquire_timeout: Duration::from_secs(1),
    })
    .unwrap();
    let (gate, runs) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let started = Arc::new(AtomicUsize::new(0));
    let (held, counter) = (gate.clone(), Arc::clone(&started));
    let holder = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .read(move |_| {
                    counter.fetch_add(1, Ordering::SeqCst);
                    held.pass();
                    Ok::<(), StoreError>(())
                })
                .await
        }
    });
    while started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let counter = Arc::clone(&runs);
    let late = store
        .read(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok::<(), StoreError>(())
        })
        .await;
    assert!(matches!(late, Err(StoreError::Overloaded)), "{late:?}");
    gate.open();
    holder.await.unwrap().unwrap();
    assert_eq!(store.read(count).await.unwrap(), 0);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_dropped_read_frees_its_place_in_the_queue() {
    let database = TestDatabase::migrated();
    let store = Store::open(&StoreSettings {
        target: database.target(),
        pool_size: 1,
        acquire_timeout: Duration::from_secs(30),
    })
    .unwrap();
    let (gate, started) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (held, counter, holding) = (gate.clone(), Arc::clone(&started), store.clone());
    let holder = tokio::spawn(async move {
        let keep_busy = move |_: &mut Db| {
            counter.fetch_add(1, Ordering::SeqCst);
            held.pass();
            Ok::<(), StoreError>(())
        };
        holding.read(keep_busy).await
    });
    while started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // More than the queue holds; each is polled once, so that it is queued, and then dropped.
    for _ in 0..5000 {
        let mut waits = Box::pin(store.read(count));
        assert!(waits.as_mut().now_or_never().is_none());
    }
    let mut last = Box::pin(store.read(count));
    assert!(last.as_mut().now_or_never().is_none());
    gate.open();
    holder.await.unwrap().unwrap();
    assert_eq!(last.await.unwrap(), 0);
}

/// Starts more lists than the queue holds. Those that are not rejected run or wait until the gate is opened.
async fn saturate_lists(store: &Store, gate: &Gate) -> impl Stream<Item = ListResult> + Unpin {
    let lists = (0..200).map(|_| {
        let (gate, store) = (gate.clone(), store.clone());
        tokio::spawn(async move {
            let list = move |_: &mut Db| {
                gate.pass();
                Ok::<(), StoreError>(())
            };
            store.read_list(list).await
        })
    });
    let mut lists = lists.collect::<FuturesUnordered<_>>();
    // Most of them are rejected at once, because the queue is short.
    for _ in 0..100 {
        let rejected = lists.next().await.unwrap();
        assert!(matches!(rejected, Ok(Err(StoreError::Overloaded))));
    }
    lists
}

type ListResult = Result<Result<(), StoreError>, JoinError>;

#[tokio::test]
async fn lists_delay_neither_reads_nor_writes() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let gate = Gate::default();
    let mut lists = saturate_lists(&store, &gate).await;
    for number in 1..=20 {
        insert(&store, &format!("user-{number}")).await.unwrap();
        assert_eq!(store.read(count).await.unwrap(), number);
        assert_eq!(store.read(count).await.unwrap(), number);
    }
    gate.open();
    while let Some(list) = lists.next().await {
        // Those that were queued have run, or timed out.
        let _ = list.unwrap();
    }
    assert_eq!(store.read_list(count).await.unwrap(), 20);
}

#[tokio::test]
async fn a_list_of_background_work_waits_while_other_lists_are_rejected() {
    let database = TestDatabase::migrated();
    let store = Store::open(&StoreSettings {
        target: database.target(),
        pool_size: 2,
        acquire_timeout: TIMEOUT,
    })
    .unwrap();
    let gate = Gate::default();
    let mut lists = saturate_lists(&store, &gate).await;
    let mut waits = Box::pin(store.read_list_when_free(count));
    assert!(waits.as_mut().now_or_never().is_none());
    let rejected = store.read_list(count).await;
    assert!(matches!(rejected, Err(StoreError::Overloaded)));
    gate.open();
    while let Some(list) = lists.next().await {
        let _ = list.unwrap();
    }
    assert_eq!(waits.await.unwrap(), 0);
}
