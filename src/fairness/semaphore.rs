//! A semaphore whose permits go to the callers who wait in turns.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Caller, FairQueue, QueueFull};

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// The caller waits too often already.
    #[error(transparent)]
    Full(#[from] QueueFull),
    /// [`FairSemaphore::close`] was called.
    #[error("shutting down")]
    Closed,
}

/// A number of permits. Cheap to clone; clones share the permits.
#[derive(Debug, Clone)]
pub struct FairSemaphore(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: FairQueue<oneshot::Sender<FairPermit>>,
    closed: bool,
}

/// A permit, which is given back when it is dropped.
#[derive(Debug)]
pub struct FairPermit(Arc<Mutex<State>>);

impl FairSemaphore {
    /// With this number of permits, at least 1.
    pub fn new(permits: usize) -> Self {
        let state = State { free: permits.max(1), waiting: FairQueue::default(), closed: false };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for a permit, behind those who wait for the same caller and in turns with other callers.
    /// Errors: [`NoPermit`].
    pub async fn acquire(&self, caller: Caller) -> Result<FairPermit, NoPermit> {
        let permit = {
            let mut state = self.0.lock();
            if state.closed {
                return Err(NoPermit::Closed);
            }
            // A permit that is given back goes to a caller who waits, so none waits while one is free.
            if state.free > 0 {
                state.free -= 1;
                return Ok(FairPermit(Arc::clone(&self.0)));
            }
            let (give, permit) = oneshot::channel();
            state.waiting.push(caller, give)?;
            permit
        };
        permit.await.map_err(|_| NoPermit::Closed)
    }

    /// Ends the waiting of all callers and refuses new ones.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.waiting = FairQueue::default();
    }

    /// Whether [`Self::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// How many permits are free.
    pub fn free(&self) -> usize {
        self.0.lock().free
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            let next = std::iter::from_fn(|| state.waiting.pop()).find(|next| !next.is_closed());
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some(next) = next {
            // One who has left in this moment drops the permit, which gives it to the next one.
            let _ = next.send(Self(Arc::clone(&self.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all, poll};

    use super::*;
    use crate::domain::{Timestamp, UserId};

    fn caller(name: &str) -> Caller {
        Caller::User(UserId::derived(Timestamp::from_unix_millis(1), "test", name))
    }

    #[tokio::test]
    async fn a_flood_of_one_caller_delays_another_by_one_permit() {
        let semaphore = FairSemaphore::new(1);
        let held = semaphore.acquire(caller("a")).await.unwrap();
        let done = Arc::new(Mutex::new(Vec::new()));
        let work = |name: &'static str| {
            let (semaphore, done) = (semaphore.clone(), Arc::clone(&done));
            async move {
                let permit = semaphore.acquire(caller(name)).await.unwrap();
                done.lock().push(name);
                drop(permit);
            }
        };
        let mut flood = Box::pin(join_all((0..100).map(|_| work("a"))));
        assert!(poll!(&mut flood).is_pending());
        let mut other = Box::pin(work("b"));
        assert!(poll!(&mut other).is_pending());
        drop(held);
        tokio::join!(flood, other);
        assert_eq!(done.lock().iter().position(|name| *name == "b"), Some(1));
        assert_eq!(semaphore.free(), 1);
    }

    #[tokio::test]
    async fn permits_of_callers_who_leave_go_to_the_next() {
        let semaphore = FairSemaphore::new(1);
        let held = semaphore.acquire(Caller::Server).await.unwrap();
        let mut leaving: Vec<_> = (0..10).map(|_| Box::pin(semaphore.acquire(caller("a")))).collect();
        for one in &mut leaving {
            assert!(poll!(one).is_pending());
        }
        let mut stays = Box::pin(semaphore.acquire(caller("b")));
        assert!(poll!(&mut stays).is_pending());
        drop(held);
        // The first of `leaving` has been given the permit and leaves without taking it.
        drop(leaving);
        drop(stays.now_or_never().expect("the permit was passed on").unwrap());
        assert_eq!(semaphore.free(), 1);
    }

    #[tokio::test]
    async fn closing_ends_the_waiting() {
        let semaphore = FairSemaphore::new(1);
        let held = semaphore.acquire(Caller::Server).await.unwrap();
        let mut waiting = Box::pin(semaphore.acquire(Caller::Server));
        assert!(poll!(&mut waiting).is_pending());
        semaphore.close();
        assert_eq!(waiting.await.unwrap_err(), NoPermit::Closed);
        drop(held);
        assert_eq!(semaphore.acquire(Caller::Server).await.unwrap_err(), NoPermit::Closed);
        assert!(semaphore.is_closed());
    }
}
