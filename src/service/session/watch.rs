//! Notifies open connections when the rights they were opened with end.
//!
//! One task for each node asks the store for the users of all watched sessions together, again and again for as long
//! as there are any. What a node remembers of rights has no part in this. A store that cannot be read ends nothing.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::FutureExt;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{Clock, SessionId, UserId, UserRole},
    storage::{self, Store},
};

/// How often the store is asked. A connection can be opened with rights that are as old as
/// the cache of rights; both together leave some of the 2 s for the answer.
const EVERY: Duration = Duration::from_millis(750);
/// How many sessions one query asks for.
const BATCH: usize = 500;

/// A user with the role that a connection was opened with.
type Holder = (UserId, UserRole);

/// The sessions of a node's open connections.
pub struct SessionWatch {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Cancelled when the rights have ended; removed when nothing waits for it.
    watched: HashMap<(SessionId, Holder), Weak<CancellationToken>>,
    running: bool,
}

impl SessionWatch {
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { store, clock, state: Mutex::default() })
    }

    /// Waits until the session has ended or its user has another role.
    pub async fn ended(self: &Arc<Self>, session: SessionId, holder: Holder) {
        self.watch((session, holder)).cancelled().await;
    }

    fn watch(self: &Arc<Self>, key: (SessionId, Holder)) -> Arc<CancellationToken> {
        let mut state = self.state();
        let known = state.watched.get(&key).and_then(Weak::upgrade);
        let end = known.unwrap_or_else(|| {
            let end = Arc::<CancellationToken>::default();
            state.watched.insert(key, Arc::downgrade(&end));
            end
        });
        if !state.running {
            state.running = true;
            tokio::spawn(self.clone().run());
        }
        end
    }

    async fn run(self: Arc<Self>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(watched) = self.watched() else { return };
            for batch in watched.chunks(BATCH) {
                match AssertUnwindSafe(self.check(batch)).catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "the sessions of living connections can't be read"),
                    Err(_) => tracing::error!("the check of living connections' sessions panicked"),
                }
            }
        }
    }

    /// What is still waited for; `None`, and the end of the task, when it is nothing.
    fn watched(&self) -> Option<Vec<(SessionId, Holder)>> {
        let mut state = self.state();
        state.watched.retain(|_, end| end.strong_count() > 0);
        state.running = !state.watched.is_empty();
        state.running.then(|| state.watched.keys().copied().collect())
    }

    async fn check(&self, batch: &[(SessionId, Holder)]) -> storage::Result<()> {
        let ids: Vec<SessionId> = batch.iter().map(|(session, _)| *session).collect();
        let users = self.store.session_users(&ids, self.clock.now()).await?;
        for (key, user) in batch.iter().zip(users) {
            if user.map(|user| (user.id, user.role)) != Some(key.1)
                && let Some(end) = self.state().watched.remove(key).and_then(|end| end.upgrade())
            {
                end.cancel();
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
