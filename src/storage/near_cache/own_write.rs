//! What a write of this node leaves in the cache, so that its readers find it in memory before the feed has it.
//!
//! Decision: `docs/decisions/0031-own-writes-in-the-near-cache.md`.

use std::sync::Arc;

use parking_lot::RwLockWriteGuard;

use super::{
    cache::NearCache,
    cached::Cached,
    change::Change,
    recent_changes::Step,
    state::{OwnVersion, State},
};
use crate::domain::{Product, ProductFields, Stamp};

/// A write of this node that has been committed and is not answered yet. While this exists, nothing reads the cache, and
/// no entry is applied.
///
/// What it leaves counts as part of what the cache holds until the feed has it. Lists are held back, so that the database
/// answers for them; and entities, if memory can't show them as the write left them.
pub(super) struct OwnWrite<'c> {
    cache: &'c NearCache,
    state: RwLockWriteGuard<'c, State>,
    /// The last change that was applied before the write began.
    began: Step,
    stamp: Stamp,
}

impl NearCache {
    /// A write with this stamp that has been committed. `began` is the last change before it began.
    pub(super) fn own_write(&self, began: Step, stamp: Stamp) -> OwnWrite<'_> {
        OwnWrite { cache: self, state: self.lock_state(), began, stamp }
    }
}

impl OwnWrite<'_> {
    /// The database answers for these lists, and for entities of which it is not known how the write left them.
    pub(super) fn hold(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.state.hold(change, None);
        }
    }

    /// Keeps an entity that the write answered with. Lists that could show it must be held back.
    pub(super) fn entity<T: Cached>(&mut self, entity: &Arc<T>) {
        self.keep(entity, true);
    }

    /// Keeps a product of which the write changed the stock alone. Lists that don't depend on the stock are not held back,
    /// so it must not show there what another node changed meanwhile, such as that it is archived.
    pub(super) fn stock(&mut self, product: &Arc<Product>) {
        let follows_applied = self.state.changes.version(Change::Product(product.id)) == Some(product.version - 1);
        let is_in_lists = || Product::FIELDS.iter().any(|fields| self.differs_by_stock(product, *fields));
        let may_be_shown = follows_applied || is_in_lists();
        self.keep(product, may_be_shown);
    }

    /// Whether memory has the product with these fields, and nothing else about it has changed than its stock.
    fn differs_by_stock(&self, product: &Product, fields: ProductFields) -> bool {
        let cached = self.cache.cached::<Product>(product.id, fields);
        cached.is_some_and(|cached| cached.differs_by_stock(&product.with_fields(fields)))
    }

    fn keep<T: Cached>(&mut self, entity: &Arc<T>, may_be_shown: bool) {
        let (change, (version, changed_at)) = (T::change(entity.id()), entity.version());
        if changed_at != self.stamp.at {
            // The answer repeats that of an earlier write, and somebody else may have changed the entity since.
            return self.hold([change]);
        }
        let changes = &self.state.changes;
        let applied = changes.version(change);
        // What was applied since the write began may be newer than it, and is not remembered.
        let may_be_old = applied.is_none() && changes.changed_since(change, self.began);
        let is_shown = may_be_shown && !may_be_old;
        if is_shown && applied.is_none_or(|applied| applied <= version) {
            self.cache.write_through(entity);
        }
        self.state.hold(change, Some(OwnVersion { version, is_shown }));
    }
}
