//! Live stock: the state of products now and after each change.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt, stream};

use super::super::{
    Result, Service, ServiceError,
    feed::{StartAt, Topic},
    live::{States, UpdateStream, feed_error},
};
use crate::{
    domain::{Entity, EntityKind, Product, ProductId, Viewer},
    storage::uncached,
};

/// Most products of one stock subscription.
const MAX_PRODUCTS: usize = 100;

impl Service {
    /// The current state of these products, then their newest state after each change. Products that the viewer may
    /// not see are left out; of one that is archived they hear once more.
    pub async fn stock_updates(
        self: &Arc<Self>,
        viewer: Viewer,
        ids: Vec<ProductId>,
    ) -> Result<impl UpdateStream<Item = Result<Arc<Product>>> + Send + use<>> {
        if ids.is_empty() || ids.len() > MAX_PRODUCTS {
            return Err(ServiceError::BadInput(format!("productIds: name 1 to {MAX_PRODUCTS} products")));
        }
        // Live first, then the state: what changes in between is in both, and its version tells.
        let topics = ids.iter().map(|id| Topic::Entity(EntityKind::Product, id.ulid()));
        let live = self.feed.subscribe(topics, StartAt::Now(self.store.own_changes()));
        // Not from the cache: the subscription may start after entries that the feed does not have yet.
        let current = uncached(self.products(&viewer, &ids)).await?;
        let mut current: Vec<Product> = current.into_iter().flatten().collect();
        if current.is_empty() {
            return Err(ServiceError::NotFound("no such products"));
        }
        let mut versions: HashMap<ProductId, i32> = HashMap::new();
        current.retain(|product| versions.insert(product.id, product.version).is_none());
        let log = live.log_id();
        let changes = live.filter_map(move |event| {
            let update = match event {
                Ok(event) => match &event.entity {
                    Entity::Product(product) if viewer.hears_of_product(product, &event.before) => {
                        // A product that the viewer could not see at the start has no version yet.
                        let is_newer = versions.get(&product.id).is_none_or(|seen| product.version > *seen);
                        is_newer.then(|| {
                            versions.insert(product.id, product.version);
                            Ok(product.clone())
                        })
                    }
                    _ => None,
                },
                Err(error) => Some(Err(feed_error(log, error))),
            };
            std::future::ready(update)
        });
        let now = stream::iter(current.into_iter().map(|product| Ok(Arc::new(product))));
        Ok(States { states: now.chain(changes), opened_at: self.head() })
    }
}
