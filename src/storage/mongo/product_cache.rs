//! Products that were read before and are still the same: what the lines of orders name, again and again.
//!
//! Every change of a product appends an entry to the log in its own transaction. So a product that was read when the
//! log stood at a number, or later, is as it was while no entry of it follows that number. A batch looks where the log
//! stands, drops what has changed since the last look, and reads what is missing. Nothing is older than what a plain
//! read would have found: the look comes first. What is seen with majority read concern is
//! never rolled back, nor its number given to another entry.
//!
//! Decision: `docs/decisions/0008-product-cache.md`.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use bson::{RawDocument, doc};
use mongodb::options::Hint;
use parking_lot::{Mutex, MutexGuard};

use super::{Inner, codec::read_fields, product, read};
use crate::{
    domain::{EntityKind, Product, ProductFields, ProductId, Seq},
    storage::Result,
    telemetry::metrics::{CacheName, metrics},
};

/// Fewer products than this are read as fast as the log is looked at.
pub(super) const MIN_BATCH: usize = 8;
/// More entries than this are not looked through: all is forgotten instead.
const MOST_ENTRIES: Seq = 500;
/// Bytes of memory, roughly.
const MOST_MEMORY: usize = 8 << 20;
/// All is forgotten after this time: someone may have mended a product by hand, past the log.
const MOST_AGE: Duration = Duration::from_secs(60);

/// The products of one process.
pub(super) struct ProductCache(Mutex<State>);

struct State {
    /// The log has no entry of any of the products after they were read, up to this number.
    through: Seq,
    since: Instant,
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
    /// The number up to which the log was looked through, if it has to be looked through further, up to `head`.
    fn behind(&self, head: Seq) -> Option<Seq> {
        let mut state = self.state();
        if state.since.elapsed() > MOST_AGE {
            state.forget_all();
        }
        if head <= state.through {
            return None;
        }
        if state.products.is_empty() || head - state.through > MOST_ENTRIES {
            state.forget_all();
            state.through = head;
            return None;
        }
        Some(state.through)
    }

    /// Forgets what changed between the numbers, everything if that is not known.
    fn advance(&self, after: Seq, head: Seq, changed: Option<HashSet<ProductId>>) {
        let mut state = self.state();
        // Else another batch has looked meanwhile.
        if state.through == after {
            match changed {
                Some(changed) => changed.iter().for_each(|id| state.forget(*id)),
                None => state.forget_all(),
            }
            state.through = head;
        }
    }

    /// Those of the products that are known, in their places.
    fn find(&self, ids: &[ProductId]) -> Vec<Option<Product>> {
        let state = self.state();
        ids.iter().map(|id| state.products.get(id).cloned()).collect()
    }

    /// Remembers products that were read after the log stood at `head`.
    fn keep<'p>(&self, head: Seq, products: impl IntoIterator<Item = &'p Product>) {
        let mut state = self.state();
        // Else they may have changed between then and the last look.
        if state.through == head {
            products.into_iter().for_each(|product| state.keep(product));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl State {
    fn keep(&mut self, product: &Product) {
        self.forget(product.id);
        if self.memory + memory(product) > MOST_MEMORY {
            self.forget_all();
        }
        self.memory += memory(product);
        self.products.insert(product.id, product.clone());
    }

    fn forget(&mut self, id: ProductId) {
        if let Some(gone) = self.products.remove(&id) {
            self.memory -= memory(&gone);
        }
    }

    fn forget_all(&mut self) {
        self.products = HashMap::new();
        self.memory = 0;
        self.since = Instant::now();
    }
}

/// Bytes that a product takes, roughly.
fn memory(product: &Product) -> usize {
    size_of::<(ProductId, Product)>() + product.texts().map(|text| size_of::<String>() + text.len()).sum::<usize>()
}

impl Inner {
    /// The products with these ids, in their order.
    pub(super) async fn cached_products(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        let head = self.head().await?;
        while let Some(after) = self.product_cache.behind(head) {
            let changed = self.changed_products(after, head).await?;
            self.product_cache.advance(after, head, changed);
        }
        let mut products = self.product_cache.find(ids);
        let missing: HashSet<ProductId> =
            ids.iter().zip(&products).filter(|(_, known)| known.is_none()).map(|(id, _)| *id).collect();
        metrics().cache_lookups.get(CacheName::Products).inc_by(ids.len() as u64);
        metrics().cache_misses.get(CacheName::Products).inc_by(missing.len() as u64);
        if !missing.is_empty() {
            let whole = product::projection(ProductFields::ALL);
            let read = self.find_by(&self.products, "_id", missing, whole, product::decode).await?;
            let read: HashMap<ProductId, Product> = read.into_iter().map(|product| (product.id, product)).collect();
            self.product_cache.keep(head, read.values());
            for (id, product) in ids.iter().zip(&mut products).filter(|(_, known)| known.is_none()) {
                *product = read.get(id).cloned();
            }
        }
        Ok(products)
    }

    /// The products that the log's entries after one number, up to another, are about; `None` when entries are missing
    /// because they were pruned.
    async fn changed_products(&self, after: Seq, head: Seq) -> Result<Option<HashSet<ProductId>>> {
        let most = u32::try_from(head - after).unwrap_or(u32::MAX);
        let find = self
            .events
            .find(doc! { "_id": { "$gt": after, "$lte": head } })
            .projection(doc! { "entity_kind": 1, "entity_id": 1 })
            .hint(Hint::Name("_id_".to_owned()))
            .batch_size(most.saturating_add(1));
        let entries = read::collect_rows(self.with_timeout(find.batch()).await?, product_of).await?;
        let is_whole = entries.len() as Seq == head - after;
        Ok(is_whole.then(|| entries.into_iter().flatten().collect()))
    }
}

/// The product that an entry of the log is about.
fn product_of(entry: &RawDocument) -> Result<Option<ProductId>> {
    read_fields!(entry, kind: "entity_kind", id: "entity_id");
    let is_product = kind.required::<EntityKind>()? == EntityKind::Product;
    is_product.then(|| id.required()).transpose()
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
    fn a_read_that_the_log_has_overtaken_is_not_kept() {
        let (known, lamp) = (ProductCache::default(), a_product(1, None));
        assert_eq!(known.behind(5), None, "nothing is known yet");
        assert_eq!(known.behind(6), None);
        known.keep(5, [&lamp]);
        assert_eq!(known.find(&[lamp.id]), [None], "it may have changed at 6");
        known.keep(6, [&lamp]);
        assert_eq!(known.behind(7), Some(6));
        // Another batch is quicker with a later look.
        known.advance(6, 8, Some(HashSet::new()));
        known.advance(6, 7, Some(HashSet::from([lamp.id])));
        assert_eq!((known.behind(7), known.behind(8), known.behind(9)), (None, None, Some(8)));
        assert_eq!(known.find(&[lamp.id]), [Some(lamp.clone())]);
        assert_eq!(known.behind(8 + MOST_ENTRIES + 1), None, "too far to look through");
        assert_eq!(known.find(&[lamp.id]), [None]);
    }

    #[test]
    fn memory_is_bounded_and_accounted_for() {
        let known = ProductCache::default();
        let long = "x".repeat(MOST_MEMORY / 10);
        for number in 0..100 {
            let product = a_product(number, Some(long.clone()));
            known.keep(0, [&product, &product]);
            let state = known.state();
            assert!(state.products.contains_key(&product.id) && state.memory <= MOST_MEMORY);
            assert_eq!(state.memory, state.products.values().map(memory).sum::<usize>());
        }
    }
}
