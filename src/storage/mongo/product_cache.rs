//! A cache of products that the lines of orders name again and again.
//!
//! Every change of a product leaves an entry in the outbox, in its own transaction, which moves to the log later. So a
//! product that was read when the log's head had a number is still current if no entry about it follows that number or
//! waits in the outbox. Before each use the entries up to the current head are read, and the products they are about are
//! dropped. The head is read first, so nothing in the cache is older than what a plain read would have found. With
//! majority read concern, what was read is never rolled back, and its number is never given to another entry.
//!
//! Decision: `docs/decisions/0008-product-cache.md`.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::domain::{Product, ProductId, Seq};

/// Fewer products than this are read as fast as the log is checked.
pub(super) const MIN_BATCH: usize = 8;
/// The most entries to read when catching up with the log; beyond that the cache is cleared instead.
const MAX_ENTRIES: Seq = 500;
/// Estimated bytes of memory that the products may take.
const MAX_MEMORY: usize = 8 << 20;
/// The cache is cleared after this time: someone may have edited a product by hand, without an entry in the log.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The cache of one process.
pub(super) struct ProductCache(Mutex<State>);

struct State {
    /// No entry of the log from the time a product was read up to this number is about that product.
    through: Seq,
    /// Time of the last clearing.
    since: Instant,
    /// Estimated bytes of the products.
    memory: usize,
    products: HashMap<ProductId, Product>,
}

impl Default for ProductCache {
    fn default() -> Self {
        let state = State { through: 0, since: Instant::now(), memory: 0, products: HashMap::new() };
        Self(Mutex::new(state))
    }
}

impl ProductCache {
    /// The number after which entries must be read, up to `head`; `None` if the cache is up to date.
    pub(super) fn unseen_from(&self, head: Seq) -> Option<Seq> {
        let mut state = self.0.lock();
        if state.since.elapsed() > MAX_AGE {
            state.clear();
        }
        if head <= state.through {
            return None;
        }
        if state.products.is_empty() || head - state.through > MAX_ENTRIES {
            state.clear();
            state.through = head;
            return None;
        }
        Some(state.through)
    }

    /// Drops what changed between the two numbers; everything if `changed` is `None`, which means unknown.
    pub(super) fn advance(&self, after: Seq, head: Seq, changed: Option<HashSet<ProductId>>) {
        let mut state = self.0.lock();
        // Otherwise another batch has caught up in the meantime.
        if state.through == after {
            match changed {
                Some(changed) => changed.iter().for_each(|id| state.remove(*id)),
                None => state.clear(),
            }
            state.through = head;
        }
    }

    /// Drops products that were changed by entries without a number.
    pub(super) fn remove(&self, changed: &HashSet<ProductId>) {
        let mut state = self.0.lock();
        changed.iter().for_each(|id| state.remove(*id));
    }

    /// The products with these ids, in order; `None` for those that are not cached.
    pub(super) fn find(&self, ids: &[ProductId]) -> Vec<Option<Product>> {
        let state = self.0.lock();
        ids.iter().map(|id| state.products.get(id).cloned()).collect()
    }

    /// Adds products that were read after `head` was.
    pub(super) fn insert<'p>(&self, head: Seq, products: impl IntoIterator<Item = &'p Product>) {
        let mut state = self.0.lock();
        // Otherwise they may have changed between the two.
        if state.through == head {
            products.into_iter().for_each(|product| state.insert(product));
        }
    }
}

impl State {
    fn insert(&mut self, product: &Product) {
        self.remove(product.id);
        if self.memory + memory(product) > MAX_MEMORY {
            self.clear();
        }
        self.memory += memory(product);
        self.products.insert(product.id, product.clone());
    }

    fn remove(&mut self, id: ProductId) {
        if let Some(gone) = self.products.remove(&id) {
            self.memory -= memory(&gone);
        }
    }

    fn clear(&mut self) {
        self.products = HashMap::new();
        self.memory = 0;
        self.since = Instant::now();
    }
}

/// Estimated bytes that a product takes in the cache.
fn memory(product: &Product) -> usize {
    size_of::<ProductId>() + product.memory()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CurrencyCode, Decimal, NewProduct, Timestamp};

    fn a_product(number: i64, description: Option<String>) -> Product {
        let new = NewProduct::new(number.to_string(), "Lamp", Decimal::ZERO, CurrencyCode::GBP);
        let at = Timestamp::from_unix_millis(number);
        NewProduct { description, stock: 1, ..new }.create(ProductId::generate(at), at)
    }

    #[test]
    fn a_product_read_before_the_last_catch_up_is_not_cached() {
        let (cache, lamp) = (ProductCache::default(), a_product(1, None));
        assert_eq!(cache.unseen_from(5), None, "the cache is empty");
        assert_eq!(cache.unseen_from(6), None);
        cache.insert(5, [&lamp]);
        assert_eq!(cache.find(&[lamp.id]), [None], "it may have changed at 6");
        cache.insert(6, [&lamp]);
        assert_eq!(cache.unseen_from(7), Some(6));
        // Another batch catches up first, and further.
        cache.advance(6, 8, Some(HashSet::new()));
        cache.advance(6, 7, Some(HashSet::from([lamp.id])));
        assert_eq!((cache.unseen_from(7), cache.unseen_from(8), cache.unseen_from(9)), (None, None, Some(8)));
        assert_eq!(cache.find(&[lamp.id]), [Some(lamp.clone())]);
        assert_eq!(cache.unseen_from(8 + MAX_ENTRIES + 1), None, "too many entries to read");
        assert_eq!(cache.find(&[lamp.id]), [None]);
    }

    #[test]
    fn cache_memory_is_bounded_and_accounted_for() {
        let cache = ProductCache::default();
        let long = "x".repeat(MAX_MEMORY / 10);
        for number in 0..100 {
            let product = a_product(number, Some(long.clone()));
            cache.insert(0, [&product, &product]);
            let state = cache.0.lock();
            assert!(state.products.contains_key(&product.id) && state.memory <= MAX_MEMORY);
            assert_eq!(state.memory, state.products.values().map(memory).sum::<usize>());
        }
    }
}
