//! The products that sell best.

use bson::doc;

use super::{codec::read_fields, product::decode, store::Inner};
use crate::{domain::*, storage::Result};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

impl Inner {
    /// The products on sale of which most units were sold in the `days` days before the newest order.
    pub(super) async fn trending_products(&self, days: u32, limit: u32) -> Result<Vec<Product>> {
        let newest = self.collections.orders.find(doc! {}).projection(doc! { "placed_at": 1 });
        let newest = newest.sort(doc! { "placed_at": -1 }).limit(1).batch_size(2);
        let newest = self
            .find_rows(newest, |order| {
                read_fields!(order, placed_at: "placed_at");
                placed_at.required::<Timestamp>()
            })
            .await?
            .pop();
        let Some(newest) = newest else { return Ok(Vec::new()) };
        let since = Timestamp::from_unix_millis(newest.unix_millis() - i64::from(days) * DAY_MILLIS);
        let on_sale: Vec<_> = ProductStatus::ALL.into_iter().filter(|status| status.is_on_sale()).collect();
        let unsold: Vec<_> = OrderStatus::ALL.into_iter().filter(|status| !status.counts_as_sold()).collect();
        let product_on_sale = doc! {
            "from": self.collections.products.name(), "localField": "_id", "foreignField": "_id", "as": "product",
            "pipeline": [{ "$match": { "status": { "$in": on_sale } } }],
        };
        let pipeline = [
            doc! { "$match": { "placed_at": { "$gte": since }, "status": { "$nin": unsold } } },
            doc! { "$project": { "items.product": 1, "items.quantity": 1 } },
            doc! { "$unwind": "$items" },
            doc! { "$group": { "_id": "$items.product", "units": { "$sum": { "$toLong": "$items.quantity" } } } },
            doc! { "$sort": { "units": -1, "_id": 1 } },
            doc! { "$lookup": product_on_sale },
            doc! { "$unwind": "$product" },
            doc! { "$limit": i64::from(limit.max(1)) },
            doc! { "$replaceWith": "$product" },
        ];
        let found = self.collections.orders.aggregate(pipeline).batch_size(limit.saturating_add(1));
        let mut products = self.aggregate_rows(found, decode).await?;
        products.truncate(limit as usize);
        Ok(products)
    }
}
