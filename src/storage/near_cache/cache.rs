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
    state::{Advance, State},
    view::View,
};
use crate::{
    domain::{Entity, Event, EventKind, MAX_READ_AGE, Seq, Task, UserId, UserVersion},
    fairness::{Caller, current_caller},
    storage::{Store, operation::seen_before},
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
    values: Cache<Key, Value>,
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
            values,
            state: RwLock::new(State::new()),
            flights: Flights::default(),
            later: Later::new(bytes / LATER),
            confirmation: watch::channel(Confirmation { at: None, is_readable: false }).0,
            log_read_wanted: Notify::new(),
        }
    }

    /// The engine behind it.
    pub(super) fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    pub(super) fn flights(&self) -> &Flights {
        &self.flights
    }

    pub(super) fn later(&self) -> &Later<Self> {
        &self.later
    }

    // What the feed calls.

    /// Forgets everything. The next entry that the feed applies follows the one with this number.
    pub fn restart(&self, head: Seq) {
        let mut state = self.state.write();
        state.restart(head);
        self.values.invalidate_all();
        drop(state);
        self.confirmation.send_modify(|confirmation| confirmation.at = None);
    }

    /// Applies entries of the log, in order.
    pub fn apply(&self, entries: &[Arc<Event>]) {
        let mut state = self.state.write();
        for event in entries {
            match state.advance(event.seq) {
                Advance::Known => continue,
                Advance::Next => {}
                Advance::AfterGap => self.forget_all(&mut state),
            }
            self.note(&mut state, event);
            self.replace(event);
        }
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

    /// Notes what an entry changed.
    fn note(&self, state: &mut State, event: &Event) {
        let (changes, version) = (Change::of_event(event), event.entity.version());
        match &event.entity {
            Entity::Order(order) if event.kind == EventKind::Created => {
                let before = state.changes.last(Change::OrdersOf(order.customer));
                let at = state.note(&changes, version);
                self.note_placed(order, before, at);
            }
            _ => _ = state.note(&changes, version),
        }
    }

    /// Puts the entity of an entry in the place of an older one.
    fn replace(&self, event: &Event) {
        match &event.entity {
            Entity::Product(product) => self.replace_each(product),
            Entity::Order(order) => self.replace_each(order),
            Entity::Task(task) if event.kind == EventKind::Deleted => {
                Task::FIELDS.iter().for_each(|fields| self.values.invalidate(&Task::key(task.id, *fields)));
            }
            Entity::Task(task) => self.replace_each(task),
            // The entry does not say what else about the user changed.
            Entity::User(UserVersion { id, version }) => {
                let key = Key::User(*id);
                if self.values.get(&key).is_some_and(|user| user.version() < *version) {
                    self.values.invalidate(&key);
                }
            }
            Entity::Rights(_) => {}
        }
    }

    fn replace_each<T: Cached>(&self, entity: &Arc<T>) {
        for fields in T::FIELDS.iter().filter(|fields| self.values.contains_key(&T::key(entity.id(), **fields))) {
            self.put_fields(entity, *fields);
        }
    }

    /// Puts an entity that a write of this node left in the place of older ones, and its whole in any case.
    pub(super) fn write_through<T: Cached>(&self, entity: &Arc<T>) {
        self.put_fields(entity, T::WHOLE);
        self.replace_each(entity);
    }

    fn put_fields<T: Cached>(&self, entity: &Arc<T>, fields: T::Fields) {
        let is_whole = fields == T::WHOLE;
        let row = if is_whole { Arc::clone(entity) } else { Arc::new(entity.with_fields(fields)) };
        self.put(T::key(entity.id(), fields), T::value(row));
    }

    /// What it has of an entity with exactly these fields, whether or not that may be shown.
    pub(super) fn cached<T: Cached>(&self, id: T::Id, fields: T::Fields) -> Option<Arc<T>> {
        T::from_value(&self.values.get(&T::key(id, fields))?).cloned()
    }

    /// What it has with this key, whether or not that may be shown.
    pub(super) fn value(&self, key: &Key) -> Option<Value> {
        self.values.get(key)
    }

    /// Keeps a value that is no entity. The lock of the state is held.
    pub(super) fn keep_value(&self, key: Key, value: Value) {
        self.values.insert(key, value);
    }

    /// Puts an entity in the place of an older version. The lock of the state is held.
    fn put(&self, key: Key, value: Value) {
        if self.values.get(&key).is_none_or(|old| old.version() <= value.version()) {
            self.values.insert(key, value);
        }
    }

    fn forget_all(&self, state: &mut RwLockWriteGuard<'_, State>) {
        state.changes.note_all();
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

    /// The last change before a read that begins now.
    pub(super) fn read_begins(&self) -> Step {
        self.state.read().changes.now()
    }

    /// When the caller was last shown something that the feed may not have, before this operation.
    pub(super) fn seen_by_caller(&self) -> Option<Instant> {
        let Caller::User(user) = current_caller() else { return None };
        seen_before(|| self.state.read().shown_to(user))
    }

    /// Notes that a user is shown what was read until now, and the feed may not have it.
    pub(super) fn note_shown(&self, user: UserId) -> Instant {
        let now = Instant::now();
        self.state.write().note_shown(user, now);
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
