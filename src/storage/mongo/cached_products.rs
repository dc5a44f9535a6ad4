//! Reads of products through the cache.

use std::collections::{HashMap, HashSet};

use bson::{RawDocument, doc};
use mongodb::options::Hint;

use super::{
    chunks::{bounds, with_entries_after},
    codec::read_fields,
    event::Key,
    product,
    read::load,
    store::Inner,
};
use crate::{
    domain::{Product, ProductFields, ProductId, Seq},
    storage::Result,
    telemetry::metrics::{CacheName, metrics},
};

impl Inner {
    /// The products with these ids, in their order.
    pub(super) async fn cached_products(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        // The outbox is read before the log: an entry that is numbered in between is in both.
        let pending = self.pending_products().await?;
        let mut session = self.causal_session().await?;
        let head = self.head(&mut session).await?;
        drop(session);
        while let Some(after) = self.product_cache.unseen_from(head) {
            let changed = self.changed_products(after, head).await?;
            self.product_cache.advance(after, head, changed);
        }
        self.product_cache.remove(&pending);
        let mut products = self.product_cache.find(ids);
        load(products.iter().flatten().map(Product::memory).sum())?;
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

    /// The ids of what was changed and has no number yet.
    async fn pending_products(&self) -> Result<HashSet<ProductId>> {
        let find = self.collections.outbox.find(doc! {}).projection(doc! { "about": 1 }).batch_size(10_000);
        let keys = self.find_rows(find, ids_of).await?;
        Ok(keys.into_iter().flatten().collect())
    }

    /// The ids of what the log's entries from `after` (exclusive) to `head` are about; `None` if some of the entries were
    /// pruned.
    async fn changed_products(&self, after: Seq, head: Seq) -> Result<Option<HashSet<ProductId>>> {
        let up_to_head = doc! { "_id": { "$lte": head } };
        let condition = doc! { "$and": [with_entries_after(after), up_to_head] };
        let find = self
            .collections
            .log
            .find(condition)
            .projection(doc! { "last": 1, "about": 1 })
            .sort(doc! { "last": 1 })
            .hint(Hint::Name("last".to_owned()))
            .batch_size(10_000);
        let chunks = self.find_rows(find, |chunk| Ok((bounds(chunk)?, ids_of(chunk)?))).await?;
        let is_whole = chunks.first().is_some_and(|((first, _), _)| *first <= after + 1);
        Ok(is_whole.then(|| chunks.into_iter().flat_map(|(_, ids)| ids).collect()))
    }
}

/// What a document of the outbox or the log is about. Only some of these are ids of products, which does no harm.
fn ids_of(document: &RawDocument) -> Result<Vec<ProductId>> {
    read_fields!(document, about: "about");
    Ok(about.required::<Vec<Key>>()?.into_iter().map(ProductId::from_bytes).collect())
}
