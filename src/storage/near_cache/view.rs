//! The cache at one position of the log.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use parking_lot::RwLockReadGuard;
use ulid::Ulid;

use super::{
    cached::Cached,
    change::Change,
    key::{CachedCount, CachedPage, Key, Value},
    recent_changes::Step,
    state::State,
};
use crate::{
    domain::{Clock, ClockOffset, Seq, SystemClock, Timestamp, UserId},
    fairness::{ReadMeter, read_meter},
    storage::Result,
};

/// The feed has each change whose stamp is so old, unless it is behind: the clock of the node that made it may be behind, and
/// a change is committed some time after its stamp is taken.
const SETTLED_AFTER: Duration = Duration::from_secs(60 + ClockOffset::BETWEEN_NODES.as_secs());

/// The cache at one position of the log: no entry is applied while it exists.
pub(super) struct View<'c> {
    values: &'c Cache<Key, Value>,
    state: RwLockReadGuard<'c, State>,
    /// The feed has each change with a stamp before this time.
    settled_until: Timestamp,
    meter: Option<Arc<dyn ReadMeter>>,
}

impl<'c> View<'c> {
    pub(super) fn new(values: &'c Cache<Key, Value>, state: RwLockReadGuard<'c, State>) -> Self {
        Self { values, state, settled_until: SystemClock.now().minus(SETTLED_AFTER), meter: read_meter() }
    }

    /// The entity with this id and at least these fields.
    pub(super) fn entity<T: Cached>(&self, id: T::Id, fields: T::Fields) -> Option<Arc<T>> {
        let oldest = self.state.oldest_shown(T::change(id))?;
        let find = |fields| {
            let value = self.values.get(&T::key(id, fields))?;
            T::from_value(&value).filter(|_| value.version() >= oldest).cloned()
        };
        find(T::WHOLE).or_else(|| (fields != T::WHOLE).then(|| find(fields)).flatten())
    }

    /// The id of what has a unique value that never changes.
    pub(super) fn owner(&self, key: &Key) -> Option<Ulid> {
        match self.values.get(key) {
            Some(Value::Id(id)) => Some(id),
            _ => None,
        }
    }

    /// The page with this key, if nothing that it depends on has changed.
    pub(super) fn page(&self, key: &Key, depends_on: &[Change]) -> Option<Arc<CachedPage>> {
        self.page_as_read(key).filter(|page| self.is_good(page.read_at, depends_on))
    }

    /// The page of a customer's newest orders with this key, with those that were placed since it was read; `None` if something
    /// else has changed which orders the customer has.
    pub(super) fn grown_page(&self, key: &Key, customer: UserId, count: usize) -> Option<Arc<CachedPage>> {
        let (page, Value::NewOrders(new)) = (self.page_as_read(key)?, self.values.get(&Key::NewOrders(customer))?)
        else {
            return None;
        };
        if new.through != self.state.changes.last(Change::OrdersOf(customer)) {
            return None;
        }
        let mut rows = new.add_to(&page.rows, page.read_at)?;
        let has_next = page.has_next || rows.len() > count;
        rows.truncate(count);
        Some(Arc::new(CachedPage { read_at: new.through, rows, has_previous: page.has_previous, has_next }))
    }

    /// The page with this key, whatever has changed.
    fn page_as_read(&self, key: &Key) -> Option<Arc<CachedPage>> {
        match self.values.get(key) {
            Some(Value::Page(page)) => Some(page),
            _ => None,
        }
    }

    /// The count with this key, if nothing that it depends on has changed.
    pub(super) fn count(&self, key: &Key, depends_on: &[Change]) -> Option<u64> {
        match self.values.get(key) {
            Some(Value::Count(CachedCount { read_at, count })) if self.is_good(read_at, depends_on) => Some(count),
            _ => None,
        }
    }

    fn is_good(&self, read_at: Step, depends_on: &[Change]) -> bool {
        !depends_on.iter().any(|change| self.state.changes.changed_since(*change, read_at))
    }

    /// A copy of an entity for the operation, which counts its bytes as loaded.
    pub(super) fn copy<T: Cached>(&self, entity: &T, fields: T::Fields) -> Result<T> {
        let copy = if fields == T::WHOLE { entity.clone() } else { entity.with_fields(fields) };
        self.load(&copy)?;
        Ok(copy)
    }

    /// Counts the bytes of an entity as loaded for the operation.
    pub(super) fn load<T: Cached>(&self, entity: &T) -> Result<()> {
        self.meter.as_ref().map_or(Ok(()), |meter| Ok(meter.load(entity.bytes())?))
    }

    /// Whether an entity that has every change of it up to entry `through` is as the feed and this node have left it.
    pub(super) fn is_current<T: Cached>(&self, entity: &T, through: Seq) -> bool {
        self.state.is_current(T::change(entity.id()), entity.version().0, through)
    }

    /// Whether what the engine found shows nothing that the feed does not have and this node has not written. That an entity is
    /// not there is new if it may have been deleted.
    pub(super) fn knows<T: Cached>(&self, found: Option<&T>) -> bool {
        let Some(entity) = found else { return !T::IS_DELETED };
        let (version, changed_at) = entity.version();
        changed_at < self.settled_until || self.state.includes(T::change(entity.id()), version)
    }
}
