//! What is to be done after the commit of a write: collected on the thread that runs the write, and done there.
//!
//! The caller of a write may be gone by then, for example because a client disconnected.

use std::cell::RefCell;

type Action = Box<dyn FnOnce() + Send>;

thread_local! {
    static DEFERRED: RefCell<Vec<Action>> = const { RefCell::new(Vec::new()) };
}

/// The actions of one write.
pub(crate) struct Deferred(Vec<Action>);

/// Does something after the commit of the write that runs on this thread, and nothing if it is rolled back.
pub(crate) fn defer(action: impl FnOnce() + Send + 'static) {
    DEFERRED.with_borrow_mut(|actions| actions.push(Box::new(action)));
}

/// Forgets the actions of a write that was rolled back. To be called before each run of a write.
pub(crate) fn clear() {
    drop(take());
}

/// The actions of the write that has just run on this thread.
pub(crate) fn take() -> Deferred {
    Deferred(DEFERRED.take())
}

impl Deferred {
    /// Does them. To be called after the commit.
    pub(crate) fn run(self) {
        for action in self.0 {
            action();
        }
    }
}
