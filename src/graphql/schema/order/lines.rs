//! Loading the products of an order's lines.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::Arc,
};

use async_graphql::dataloader::Loader;

use crate::{
    domain::{Order, Product, ProductId},
    graphql::schema::loaders::Batch,
    service::ServiceError,
};

/// The lines of an order, whose products are looked up together: a key for each line would cost more than the line.
#[derive(Clone)]
pub(crate) struct Lines(pub Arc<Order>);

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Lines {}

impl Hash for Lines {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl Loader<Lines> for Batch {
    /// The product of each line, `None` for those that do not exist for the viewer.
    type Value = Arc<[Option<Arc<Product>>]>;
    type Error = Arc<ServiceError>;

    async fn load(&self, orders: &[Lines]) -> std::result::Result<HashMap<Lines, Self::Value>, Arc<ServiceError>> {
        let mut ids: Vec<ProductId> =
            orders.iter().flat_map(|lines| lines.0.items.iter().map(|item| item.product)).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = self.service.products(&self.viewer, &ids).await?;
        let found: Vec<Option<Arc<Product>>> = found.into_iter().map(|product| product.map(Arc::new)).collect();
        let product = |id: &ProductId| ids.binary_search(id).ok().and_then(|index| found.get(index)?.clone());
        let products_of = |lines: &Lines| lines.0.items.iter().map(|item| product(&item.product)).collect();
        Ok(orders.iter().map(|lines| (lines.clone(), products_of(lines))).collect())
    }
}
