//! Reads of products through the cache.

use std::collections::{HashMap, HashSet};

use bson::{RawDocument, doc};
use mongodb::options::Hint;

use super::{codec::read_fields, product, read, store::Inner};
use crate::{
    domain::{EntityKind, Product, ProductFields, ProductId, Seq},
    storage::Result,
    telemetry::metrics::{CacheName, metrics},
};

impl Inner {
    /// The products with these ids, in their order.
    pub(super) async fn cached_products(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        let head = self.head().await?;
        while let Some(after) = self.product_cache.unseen_from(head) {
            let changed = self.changed_products(after, head).await?;
            self.product_cache.advance(after, head, changed);
        }
        let mut products = self.product_cache.find(ids);
        let missing: HashSet<ProductId> =
            ids.iter().zip(&products).filter(|(_, cached)| cached.is_none()).map(|(id, _)| *id).collect();
        metrics().cache_lookups.get(CacheName::Products).inc_by(ids.len() as u64);
        metrics().cache_misses.get(CacheName::Products).inc_by(missing.len() as u64);
        if !missing.is_empty() {
            let whole = product::projection(ProductFields::ALL);
            let read = self.find_by(&self.collections.products, "_id", missing, whole, product::decode).await?;
            let read: HashMap<ProductId, Product> = read.into_iter().map(|product| (product.id, product)).collect();
            self.product_cache.insert(head, read.values());
            for (id, product) in ids.iter().zip(&mut products).filter(|(_, cached)| cached.is_none()) {
                *product = read.get(id).cloned();
            }
        }
        Ok(products)
    }

    /// The products that the log's entries from `after` (exclusive) to `head` are about; `None` if some of the entries
    /// were pruned.
    async fn changed_products(&self, after: Seq, head: Seq) -> Result<Option<HashSet<ProductId>>> {
        let most = u32::try_from(head - after).unwrap_or(u32::MAX);
        let find = self
            .collections
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
