//! A semaphore whose permits go to the callers who wait in turns.

use std::{
    collections::{HashMap, hash_map::Entry},
    iter,
    num::NonZeroUsize,
    sync::Arc,
    thread::available_parallelism,
};

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

/// While a permit is free, those who wait are of callers who hold their share.
#[derive(Debug)]
struct State {
    free: usize,
    held: Held,
    waiting: FairQueue<(Caller, oneshot::Sender<FairPermit>)>,
    closed: bool,
}

/// The permits that callers hold.
#[derive(Debug)]
struct Held {
    /// Most permits of one caller.
    share: usize,
    /// The number of permits of each caller who holds some.
    permits: HashMap<Caller, usize>,
}

/// A permit, which is given back when it is dropped.
#[derive(Debug)]
pub struct FairPermit {
    state: Arc<Mutex<State>>,
    caller: Caller,
}

/// The number of cores that this process may use.
pub fn cores() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl FairSemaphore {
    /// With this number of permits, at least 1. One caller may have all of them.
    pub fn new(permits: usize) -> Self {
        Self::with_share(permits, permits)
    }

    /// With this number of permits, of which one caller has at most as many at once as half of the cores. For work that
    /// keeps a core busy: turns alone would let a caller use all cores while nobody else waits for a permit.
    pub fn for_cores(permits: usize) -> Self {
        Self::with_share(permits, cores().get() / 2)
    }

    /// With this number of permits, of which one caller has at most `share` at once; each is at least 1.
    fn with_share(permits: usize, share: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: permits.max(1),
            held: Held { share: share.max(1), permits: HashMap::new() },
            waiting: FairQueue::default(),
            closed: false,
        })))
    }

    /// Waits for a permit, behind those who wait for the same caller and in turns with other callers.
    /// Errors: [`NoPermit`].
    pub async fn acquire(&self, caller: Caller) -> Result<FairPermit, NoPermit> {
        let permit = {
            let mut state = self.0.lock();
            if state.closed {
                return Err(NoPermit::Closed);
            }
            if state.free > 0 && state.held.may_have_more(caller) {
                state.free -= 1;
                return Ok(self.permit(&mut state, caller));
            }
            let (give, permit) = oneshot::channel();
            state.waiting.push(caller, (caller, give))?;
            permit
        };
        permit.await.map_err(|_| NoPermit::Closed)
    }

    fn permit(&self, state: &mut State, caller: Caller) -> FairPermit {
        state.held.add(caller);
        FairPermit { state: self.0.clone(), caller }
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

impl Held {
    fn may_have_more(&self, caller: Caller) -> bool {
        self.permits.get(&caller).is_none_or(|held| *held < self.share)
    }

    fn add(&mut self, caller: Caller) {
        *self.permits.entry(caller).or_default() += 1;
    }

    fn remove(&mut self, caller: Caller) {
        if let Entry::Occupied(mut held) = self.permits.entry(caller) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

impl State {
    /// Takes the next one who waits and may have a permit.
    fn next(&mut self) -> Option<(Caller, oneshot::Sender<FairPermit>)> {
        let Self { waiting, held, .. } = self;
        iter::from_fn(|| waiting.pop_of(|caller| held.may_have_more(*caller))).find(|(_, next)| !next.is_closed())
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        state.held.remove(self.caller);
        match state.next() {
            None => state.free += 1,
            Some((caller, next)) => {
                let permit = FairSemaphore(self.state.clone()).permit(&mut state, caller);
                drop(state);
                // One who has left in this moment drops the permit, which gives it to the next one.
                let _ = next.send(permit);
            }
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
    async fn a_caller_who_holds_their_share_waits_although_permits_are_free() {
        let semaphore = FairSemaphore::with_share(3, 1);
        let held = semaphore.acquire(caller("a")).await.unwrap();
        let mut second = Box::pin(semaphore.acquire(caller("a")));
        assert!(poll!(&mut second).is_pending());
        let other = semaphore.acquire(caller("b")).now_or_never().expect("a permit is free").unwrap();
        // What another caller gives back is no more of this caller's share.
        drop(other);
        assert!(poll!(&mut second).is_pending());
        assert_eq!(semaphore.free(), 2);
        drop(held);
        drop(second.now_or_never().expect("the share is free").unwrap());
        assert_eq!(semaphore.free(), 3);
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
