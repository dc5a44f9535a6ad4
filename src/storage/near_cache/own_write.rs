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
use crate::domain::{Order, Product, ProductFields, Stamp};

/// A write of this node that has been committed and is not answered yet. While this exists, nothing reads the cache, and
/// no entry is applied.
///
/// What it leaves counts as part of what the cache holds, before the feed has it. Pages of lists that it changed end, as they
/// do with an entry of the log. The entry itself, when it comes, ends nothing that was read since.
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

    /// Keeps an entity that a write of this node answered with. The pages of lists that could show it end.
    pub(super) fn wrote<T: Cached>(&self, began: Step, entity: &T, lists: &[Change], stamp: Stamp) {
        self.own_write(began, stamp).entity(&Arc::new(entity.clone()), lists);
    }
}

impl OwnWrite<'_> {
    /// It is not known how the write left these: what was read before is not shown, and of entities the database answers.
    pub(super) fn unknown(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            if change.is_of_entity() {
                self.state.hold(change, OwnVersion::UNKNOWN);
            } else {
                self.state.changes.note_lists([change]);
            }
        }
    }

    /// Keeps an entity that the write answered with. The pages of lists that could show it end.
    pub(super) fn entity<T: Cached>(&mut self, entity: &Arc<T>, lists: &[Change]) {
        self.keep(entity, lists, true);
    }

    /// Keeps an order that the write has placed, or an earlier one whose answer it repeats.
    pub(super) fn placed(&mut self, order: &Order, replayed: bool) {
        let theirs = Change::OrdersOf(order.customer);
        let before = self.state.changes.last(theirs);
        self.entity(&Arc::new(order.clone()), &Change::with_new_order(order));
        let at = self.state.changes.last(theirs);
        // Otherwise the feed has noted it already.
        if at > before && !replayed {
            self.cache.note_placed(order, before, at);
        }
    }

    /// Keeps a product of which the write changed the stock alone. Pages that don't depend on the stock stay, so it must not
    /// show there what another node changed meanwhile, such as that it is archived.
    pub(super) fn stock(&mut self, product: &Arc<Product>) {
        let follows_applied = self.state.changes.version(Change::Product(product.id)) == Some(product.version - 1);
        let is_in_lists = || Product::FIELDS.iter().any(|fields| self.differs_by_stock(product, *fields));
        let may_be_shown = follows_applied || is_in_lists();
        self.keep(product, &[Change::Stock], may_be_shown);
    }

    /// Whether memory has the product with these fields, and nothing else about it has changed than its stock.
    fn differs_by_stock(&self, product: &Product, fields: ProductFields) -> bool {
        let cached = self.cache.cached::<Product>(product.id, fields);
        cached.is_some_and(|cached| cached.differs_by_stock(&product.with_fields(fields)))
    }

    fn keep<T: Cached>(&mut self, entity: &Arc<T>, lists: &[Change], may_be_shown: bool) {
        let (change, (version, changed_at)) = (T::change(entity.id()), entity.version());
        if changed_at != self.stamp.at {
            // The answer repeats that of an earlier write, and somebody else may have changed the entity since.
            return self.unknown([change].into_iter().chain(lists.iter().copied()));
        }
        let applied = self.state.changes.version(change);
        if applied.is_some_and(|applied| applied >= version) {
            // The feed is as far already.
            return;
        }
        // What was applied since the write began may be newer than it, and is not remembered.
        let may_be_old = applied.is_none() && self.state.changes.changed_since(change, self.began);
        let is_shown = may_be_shown && !may_be_old;
        if is_shown {
            self.cache.write_through(entity);
        }
        let noted_at = self.state.changes.note_lists(lists.iter().copied());
        self.state.hold(change, OwnVersion { version, is_shown, noted_at });
    }
}
