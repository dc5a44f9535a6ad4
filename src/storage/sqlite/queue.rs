//! The queue between async callers and the threads that work for them. Callers take turns.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use parking_lot::{Condvar, Mutex};

use crate::{
    fairness::{Caller, FairQueue},
    storage::{Result, StoreError},
};

/// Items for a fixed number of threads. An item that is added while they are busy wakes nobody: the next thread that is
/// done takes it.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    woken: Condvar,
}

struct State<T> {
    waiting: FairQueue<T>,
    /// How many threads wait for an item.
    idle: usize,
    /// Whether one of them is being woken. It wakes the next one if it finds more than one item.
    waking: bool,
    closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let state = State { waiting: FairQueue::default(), idle: 0, waking: false, closed: false };
        Self { state: Mutex::new(state), woken: Condvar::new() }
    }
}

impl<T> Queue<T> {
    /// Adds an item.
    /// Errors: `Unavailable` if the queue is closed, or has too many items of this caller.
    pub(super) fn push(&self, caller: Caller, item: T) -> Result<()> {
        let wake = {
            let mut state = self.state.lock();
            if state.closed {
                return Err(closed());
            }
            state.waiting.push(caller, item).map_err(|full| StoreError::Unavailable(full.to_string()))?;
            state.must_wake()
        };
        self.wake_if(wake);
        Ok(())
    }

    /// Waits for the next item; `None` once the queue is closed and empty.
    pub(super) fn wait(&self) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.waiting.pop() {
                let wake = state.must_wake();
                drop(state);
                self.wake_if(wake);
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            self.woken.wait(&mut state);
            state.idle -= 1;
            state.waking = false;
        }
    }

    /// The next item of a caller that `may` have a turn now, if one waits.
    pub(super) fn next_of(&self, may: impl Fn(&Caller) -> bool) -> Option<T> {
        self.state.lock().waiting.pop_of(may)
    }

    /// Refuses further items, and ends the waiting of the threads once it is empty.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.woken.notify_all();
    }

    /// Wakes a thread after the lock is released, so that it does not wait for it.
    fn wake_if(&self, wake: bool) {
        if wake {
            self.woken.notify_one();
        }
    }
}

impl<T> State<T> {
    /// Whether a thread has to be woken for the items, which counts it as being woken.
    fn must_wake(&mut self) -> bool {
        let wake = !self.waiting.is_empty() && self.idle > 0 && !self.waking;
        self.waking |= wake;
        wake
    }
}

/// The error of what is asked of a closed store.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
