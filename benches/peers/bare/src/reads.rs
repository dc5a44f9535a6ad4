//! What queries read from MongoDB.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;
use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database,
    bson::{DateTime, Document, doc},
    error::{Error, Result},
};

use crate::rows::{OrderRow, ProductRow, UserRow};

/// Reads of users, products and orders.
pub struct Reads {
    users: Collection<UserRow>,
    products: Collection<ProductRow>,
    orders: Collection<OrderRow>,
}

/// Loads products by their ids.
pub struct ProductLoader(Collection<ProductRow>);

impl Reads {
    pub fn new(database: &Database) -> Self {
        Self {
            users: database.collection("users"),
            products: database.collection("products"),
            orders: database.collection("orders"),
        }
    }

    pub fn product_loader(&self) -> ProductLoader {
        ProductLoader(self.products.clone())
    }

    pub async fn user(&self, id: &str) -> Result<Option<UserRow>> {
        self.users.find_one(doc! { "_id": id }).projection(UserRow::fields()).await
    }

    pub async fn product(&self, id: &str) -> Result<Option<ProductRow>> {
        self.products.find_one(doc! { "_id": id }).projection(ProductRow::fields()).await
    }

    /// Products on sale by name, after a name key and id.
    pub async fn products(&self, limit: usize, after: Option<(String, String)>) -> Result<Vec<ProductRow>> {
        let mut condition = doc! { "status": "ACTIVE" };
        if let Some((name_key, id)) = after {
            condition.insert("nameKey", doc! { "$gte": &name_key });
            condition.insert("$or", beyond("$gt", doc! { "nameKey": { "$gt": name_key } }, &id));
        }
        let find = self.products.find(condition).projection(ProductRow::fields());
        find.sort(doc! { "nameKey": 1, "_id": 1 }).limit(limit as i64).await?.try_collect().await
    }

    /// A customer's orders, newest first, after a time and id.
    pub async fn orders(&self, customer: &str, limit: usize, after: Option<(i64, String)>) -> Result<Vec<OrderRow>> {
        let mut condition = doc! { "customerId": customer };
        if let Some((millis, id)) = after {
            let placed_at = DateTime::from_millis(millis);
            condition.insert("placedAt", doc! { "$lte": placed_at });
            condition.insert("$or", beyond("$lt", doc! { "placedAt": { "$lt": placed_at } }, &id));
        }
        let find = self.orders.find(condition).projection(OrderRow::fields());
        find.sort(doc! { "placedAt": -1, "_id": -1 }).limit(limit as i64).await?.try_collect().await
    }
}

/// The rows past a position, among those that are not before its key.
fn beyond(past: &str, past_key: Document, id: &str) -> Vec<Document> {
    vec![past_key, doc! { "_id": { past: id } }]
}

impl Loader<String> for ProductLoader {
    type Value = ProductRow;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[String]) -> std::result::Result<HashMap<String, ProductRow>, Arc<Error>> {
        let find = self.0.find(doc! { "_id": { "$in": ids } }).projection(ProductRow::fields());
        // One more than can be found, so that one reply holds all of them.
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let rows: Vec<ProductRow> = find.batch_size(batch).await?.try_collect().await?;
        Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
    }
}
