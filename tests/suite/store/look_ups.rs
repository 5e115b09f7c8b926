//! Look-ups by key: on SQLite they have readers of their own, which nothing slower keeps busy.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use munjigi::store::{Db, Store, StoreError, StoreSettings};

use super::{count, insert, open};
use crate::support::TestDatabase;

/// Holds up whoever comes to it until it is opened.
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
async fn a_look_up_sees_what_was_answered_before_it() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    for number in 1..=50 {
        insert(&store, &format!("user-{number}")).await.unwrap();
        assert_eq!(store.read(count).await.unwrap(), number);
    }
}

#[tokio::test]
async fn a_panic_in_a_look_up_is_an_error_and_the_next_ones_work() {
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
async fn a_look_up_that_waits_too_long_is_given_up_and_not_done_later() {
    let database = TestDatabase::migrated();
    let store = Store::open(&StoreSettings {
        target: database.target(),
        pool_size: 1,
        acquire_timeout: Duration::from_millis(200),
    })
    .unwrap();
    let (gate, done) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let begun = Arc::new(AtomicUsize::new(0));
    let (held, begins) = (gate.clone(), Arc::clone(&begun));
    let holder = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .read(move |_| {
                    begins.fetch_add(1, Ordering::SeqCst);
                    held.pass();
                    Ok::<(), StoreError>(())
                })
                .await
        }
    });
    while begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let counted = Arc::clone(&done);
    let given_up = store
        .read(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<(), StoreError>(())
        })
        .await;
    assert!(
        matches!(given_up, Err(StoreError::Overloaded)),
        "{given_up:?}"
    );
    gate.open();
    holder.await.unwrap().unwrap();
    assert_eq!(store.read(count).await.unwrap(), 0);
    assert_eq!(done.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn those_who_go_away_while_they_wait_leave_room_for_others() {
    let database = TestDatabase::migrated();
    let store = Store::open(&StoreSettings {
        target: database.target(),
        pool_size: 1,
        acquire_timeout: Duration::from_secs(30),
    })
    .unwrap();
    let (gate, begun) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (held, begins, holding) = (gate.clone(), Arc::clone(&begun), store.clone());
    let holder = tokio::spawn(async move {
        let keep_busy = move |_: &mut Db| {
            begins.fetch_add(1, Ordering::SeqCst);
            held.pass();
            Ok::<(), StoreError>(())
        };
        holding.read(keep_busy).await
    });
    while begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // More than may wait at the same time; each is polled once, so that it waits, and then dropped.
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

#[tokio::test]
async fn however_many_lists_are_asked_for_look_ups_and_writes_go_on() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let gate = Gate::default();
    let lists: Vec<_> = (0..200)
        .map(|_| {
            let (gate, store) = (gate.clone(), store.clone());
            tokio::spawn(async move {
                let list = move |_: &mut Db| {
                    gate.pass();
                    Ok::<(), StoreError>(())
                };
                store.read_list(list).await
            })
        })
        .collect();
    // Most of them are turned away at once: a crowd would wait for nothing.
    let mut lists = futures_util::stream::FuturesUnordered::from_iter(lists);
    for _ in 0..100 {
        let refused = futures_util::StreamExt::next(&mut lists).await.unwrap();
        assert!(matches!(refused, Ok(Err(StoreError::Overloaded))));
    }
    for number in 1..=20 {
        insert(&store, &format!("user-{number}")).await.unwrap();
        assert_eq!(store.read(count).await.unwrap(), number);
        assert_eq!(store.read(count).await.unwrap(), number);
    }
    gate.open();
    while let Some(list) = futures_util::StreamExt::next(&mut lists).await {
        // Those who still waited were let in, or it took too long.
        let _ = list.unwrap();
    }
    assert_eq!(store.read_list(count).await.unwrap(), 20);
}
