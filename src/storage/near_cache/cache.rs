//! The [`NearCache`]: the map of what was read, and how the feed keeps it right.

use std::{sync::Arc, time::Duration};

use moka::{notification::RemovalCause, sync::Cache};
use parking_lot::{RwLock, RwLockWriteGuard};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};
use ulid::Ulid;

use super::{
    cached::Cached,
    change::Change,
    flights::Flights,
    key::{CachedCount, CachedPage, Key, Value},
    later::Later,
    recent_changes::Step,
    state::State,
    view::View,
};
use crate::{
    domain::{LogId, MAX_READ_AGE, Seq},
    fairness::{Caller, current_caller},
    storage::{SharedCache, Store, operation::seen_before},
    telemetry::metrics::metrics,
};

/// Everything is read again after this time: someone may have changed the database by hand or imported something, without an
/// entry in the log.
const LIFETIME: Duration = Duration::from_secs(60);
/// When a read finds that the feed last read the log so long ago, the feed reads it again.
const REFRESH_AFTER: Duration = Duration::from_millis(500);

/// This part of the cache's bytes is for answers that are kept later.
const LATER: usize = 8;

/// A storage engine with a cache in front of it; see the module documentation. Until a feed follows it, the engine
/// answers everything.
pub struct NearCache {
    inner: Arc<dyn Store>,
    /// What nodes keep for each other.
    shared: Option<Arc<dyn SharedCache>>,
    pub(super) values: Cache<Key, Value>,
    state: RwLock<State>,
    flights: Flights,
    later: Later<NearCache>,
    /// How far the feed has confirmed that it has everything.
    confirmation: watch::Sender<Confirmation>,
    /// Notified when the feed is to read the log.
    log_read_wanted: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Confirmation {
    /// The feed has everything that was committed before this time.
    at: Option<Instant>,
    /// Whether the feed can read the log.
    is_readable: bool,
}

impl NearCache {
    /// A cache in front of the engine `inner` that takes up to `bytes` of memory, by estimate.
    pub fn new(inner: Arc<dyn Store>, bytes: usize) -> Self {
        let weight = |key: &Key, value: &Value| u32::try_from(key.memory() + value.memory()).unwrap_or(u32::MAX);
        let count = |_: Arc<Key>, _: Value, cause: RemovalCause| {
            if cause == RemovalCause::Size {
                metrics().near_cache_evictions.inc();
            }
        };
        let values = Cache::builder()
            .max_capacity((bytes - bytes / LATER) as u64)
            .weigher(weight)
            .time_to_live(LIFETIME)
            .eviction_listener(count)
            .build();
        Self {
            inner,
            shared: None,
            values,
            state: RwLock::new(State::new()),
            flights: Flights::default(),
            later: Later::new(bytes / LATER),
            confirmation: watch::channel(Confirmation { at: None, is_readable: false }).0,
            log_read_wanted: Notify::new(),
        }
    }

    /// With a cache between it and the engine that nodes share.
    #[must_use]
    pub fn with_shared(self, shared: Option<Arc<dyn SharedCache>>) -> Self {
        Self { shared, ..self }
    }

    /// The engine behind it.
    pub(super) fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    pub(super) fn shared(&self) -> Option<&dyn SharedCache> {
        self.shared.as_deref()
    }

    pub(super) fn flights(&self) -> &Flights {
        &self.flights
    }

    pub(super) fn later(&self) -> &Later<Self> {
        &self.later
    }

    // What the feed calls.

    /// Forgets everything. The next entry that the feed applies follows the one with this number of this log.
    pub fn restart(&self, log: LogId, head: Seq) {
        let mut state = self.state.write();
        state.restart(log, head);
        self.values.invalidate_all();
        drop(state);
        self.confirmation.send_modify(|confirmation| confirmation.at = None);
    }

    /// Notes that everything is applied that was committed before `read_began`: a read of the log that began then has ended.
    pub fn confirm(&self, read_began: Instant) {
        let mut state = self.state.write();
        if !self.confirmation.borrow().is_readable {
            // The database may be served by another member now, which may have been behind the last one.
            self.forget_all(&mut state);
        }
        state.confirm(read_began);
        drop(state);
        for keep in self.later.take(read_began) {
            keep(self);
        }
        self.confirmation.send_modify(|confirmation| {
            *confirmation = Confirmation { at: confirmation.at.max(Some(read_began)), is_readable: true };
        });
        self.values.run_pending_tasks();
        metrics().near_cache_bytes.set(i64::try_from(self.values.weighted_size()).unwrap_or(i64::MAX));
    }

    /// Notes that the log can't be read: the engine answers until it can.
    pub fn log_is_unreadable(&self) {
        self.state.write().note_unconfirmed_read();
        self.confirmation.send_modify(|confirmation| confirmation.is_readable = false);
    }

    /// Returns when a read needs the feed to read the log.
    pub async fn log_read_wanted(&self) {
        self.log_read_wanted.notified().await;
    }

    pub(super) fn forget_all(&self, state: &mut RwLockWriteGuard<'_, State>) {
        state.forget_changes();
        self.values.invalidate_all();
    }

    // What reads call.

    /// Whether it may answer; otherwise the engine has to.
    pub(super) fn is_fresh(&self) -> bool {
        let is_fresh = self.state.read().age().is_some();
        if !is_fresh {
            metrics().near_cache_bypasses.inc();
        }
        is_fresh
    }

    /// The cache at one position of the log; `None` if the engine has to answer.
    pub(super) fn view(&self) -> Option<View<'_>> {
        let state = self.state.read();
        let age = state.age()?;
        if age > REFRESH_AFTER {
            self.log_read_wanted.notify_one();
        }
        metrics().near_cache_age.set(age.as_secs_f64());
        Some(View::new(&self.values, state))
    }

    /// The last entry that was applied, and its log.
    pub(super) fn position(&self) -> (LogId, Seq) {
        self.state.read().position()
    }

    /// The last change before a read that begins now.
    pub(super) fn read_begins(&self) -> Step {
        self.state.read().changes.now()
    }

    /// When the caller was last shown something that the feed may not have, before this operation.
    pub(super) fn seen_by_caller(&self) -> Option<Instant> {
        let caller = current_caller();
        let is_known = matches!(caller, Caller::User(_) | Caller::Key(_));
        if is_known { seen_before(|| self.state.read().shown_to(caller)) } else { None }
    }

    /// Notes that a user or API key is shown what was read until now, and the feed may not have it.
    pub(super) fn note_shown(&self, caller: Caller) -> Instant {
        let now = Instant::now();
        self.state.write().note_shown(caller, now);
        self.log_read_wanted.notify_one();
        now
    }

    /// Whether the feed has heard of these changes, or may have, and did not read them in the log.
    pub(super) fn has_only_heard_of(&self, changes: &[Change]) -> bool {
        self.state.read().has_only_heard_of(changes)
    }

    /// Waits until the feed has everything that was committed before the call; `false` if it does not get so far within
    /// [`MAX_READ_AGE`], or can't read the log. Then the cache does not answer before it has got so far.
    pub async fn catch_up(&self) -> bool {
        self.catch_up_with(Instant::now()).await
    }

    /// The same for what was committed before this time.
    pub(super) async fn catch_up_with(&self, read_ended: Instant) -> bool {
        let mut confirmations = self.confirmation.subscribe();
        let confirmed = async {
            loop {
                let Confirmation { at, is_readable } = *confirmations.borrow_and_update();
                if !is_readable || at >= Some(read_ended) {
                    return is_readable;
                }
                self.log_read_wanted.notify_one();
                if confirmations.changed().await.is_err() {
                    return false;
                }
            }
        };
        let is_confirmed = match timeout(MAX_READ_AGE, confirmed).await {
            Ok(is_confirmed) => is_confirmed,
            Err(_) => {
                self.log_is_unreadable();
                false
            }
        };
        if !is_confirmed {
            self.state.write().note_unconfirmed_read();
        }
        is_confirmed
    }

    /// Keeps those entities that did not change since the read of them, with these fields, `began`.
    pub(super) fn store_all<'e, T: Cached>(
        &self,
        began: Step,
        fields: T::Fields,
        entities: impl Iterator<Item = &'e T>,
    ) {
        // The lock keeps entries from being applied between the check and the insertion.
        let state = self.state.write();
        for entity in entities {
            if !state.changes.changed_since(T::change(entity.id()), began) {
                self.put(T::key(entity.id(), fields), T::value(Arc::new(entity.clone())));
            }
        }
    }

    /// Keeps a page if nothing that it depends on changed since it was read.
    pub(super) fn store_page(&self, key: Key, page: CachedPage, depends_on: &[Change]) {
        let state = self.state.write();
        if !depends_on.iter().any(|change| state.changes.changed_since(*change, page.read_at)) {
            self.values.insert(key, Value::Page(Arc::new(page)));
        }
    }

    /// Keeps a count if nothing that it depends on changed since the read of it `began`.
    pub(super) fn store_count(&self, key: Key, began: Step, count: u64, depends_on: &[Change]) {
        let state = self.state.write();
        if !depends_on.iter().any(|change| state.changes.changed_since(*change, began)) {
            self.values.insert(key, Value::Count(CachedCount { read_at: began, count }));
        }
    }

    /// Keeps the id of what has a unique value that never changes.
    pub(super) fn store_owner(&self, key: Key, id: Ulid) {
        self.values.insert(key, Value::Id(id));
    }

    // What writes call.

    /// Keeps reads and entries out.
    pub(super) fn lock_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write()
    }

    /// Forgets everything after a write of this node that has no entry in the log.
    pub(super) fn wrote_without_entry(&self) {
        self.forget_all(&mut self.state.write());
    }
}
