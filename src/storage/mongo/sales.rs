//! Units sold of each product, at one moment of the log: a snapshot shows which entries it has, numbered or in the outbox.
//!
//! Decision: `docs/decisions/0028-trending-products.md`.

use std::{cmp::Reverse, collections::HashSet};

use bson::doc;

use super::{
    codec::read_fields,
    read::{TimedRead, collect_rows},
    transaction::{Transaction, TransactionResult},
};
use crate::domain::*;

impl Transaction {
    /// Units sold in the period of `days`, of the `limit` products that sold best.
    pub(super) async fn count_sales(&mut self, days: u32, limit: u32) -> TransactionResult<CountedSales> {
        let through = self.head().await?;
        let unnumbered = self.unnumbered_entries().await?;
        let period = self.newest_order().await?.map(|newest| SalesPeriod::ending(newest, days));
        let products = match period {
            Some(period) => self.sold_since(period.start(), limit).await?,
            None => Vec::new(),
        };
        Ok(CountedSales { period, products, through, unnumbered })
    }

    async fn unnumbered_entries(&mut self) -> TransactionResult<HashSet<EventId>> {
        let outbox = self.store.collections.outbox.clone();
        let find = outbox.find(doc! {}).projection(doc! { "entries.event_id": 1 });
        let mut batches = find.session(&mut self.session).timed_batch().await?;
        let changes = collect_rows(batches.stream(&mut self.session), |change| {
            read_fields!(change, entries: "entries");
            entries.documents(|entry| {
                read_fields!(entry, id: "event_id");
                id.required::<EventId>()
            })
        });
        Ok(changes.await?.into_iter().flatten().collect())
    }

    async fn newest_order(&mut self) -> TransactionResult<Option<Timestamp>> {
        let orders = self.store.collections.orders.clone();
        let newest = orders.find(doc! {}).projection(doc! { "placed_at": 1 }).sort(doc! { "placed_at": -1 });
        let mut batches = newest.limit(1).batch_size(2).session(&mut self.session).timed_batch().await?;
        let newest = collect_rows(batches.stream(&mut self.session), |order| {
            read_fields!(order, placed_at: "placed_at");
            placed_at.required::<Timestamp>()
        });
        Ok(newest.await?.pop())
    }

    async fn sold_since(&mut self, start: Timestamp, limit: u32) -> TransactionResult<Vec<SoldProduct>> {
        let unsold: Vec<_> = OrderStatus::ALL.into_iter().filter(|status| !status.counts_as_sold()).collect();
        let pipeline = [
            doc! { "$match": { "placed_at": { "$gte": start }, "status": { "$nin": unsold } } },
            doc! { "$project": { "items.product": 1, "items.quantity": 1 } },
            doc! { "$unwind": "$items" },
            doc! { "$group": { "_id": "$items.product", "units": { "$sum": { "$toLong": "$items.quantity" } } } },
            doc! { "$sort": { "units": -1, "_id": 1 } },
            doc! { "$limit": i64::from(limit.max(1)) },
        ];
        let orders = self.store.collections.orders.clone();
        let mut batches = orders.aggregate(pipeline).session(&mut self.session).timed_batch().await?;
        let products = collect_rows(batches.stream(&mut self.session), |sold| {
            read_fields!(sold, product: "_id", units: "units");
            Ok(SoldProduct { units: Reverse(units.required()?), product: product.required()? })
        });
        Ok(products.await?)
    }
}
