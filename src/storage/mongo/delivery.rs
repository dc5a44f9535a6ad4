//! Attempts to deliver events to webhooks, in the collection `deliveries`: `{ _id, webhook, at, delivery: JSON }`.

use async_trait::async_trait;
use bson::{Document, RawDocument, doc};

use super::{
    codec::{raw_document, read_fields, stored_ids},
    store::MongoStore,
};
use crate::{
    domain::{Delivery, DeliveryId, WebhookId},
    storage::{DeliveryStore, KEPT_DELIVERIES, Result, StoreError},
};

stored_ids!(WebhookId, DeliveryId);

fn decode(document: &RawDocument) -> Result<Delivery> {
    read_fields!(document, delivery: "delivery");
    let delivery: String = delivery.required()?;
    serde_json::from_str(&delivery).map_err(StoreError::internal)
}

impl MongoStore {
    /// Deletes the attempts of a webhook beyond those that are kept.
    async fn delete_old_deliveries(&self, webhook: WebhookId) -> Result<()> {
        let deliveries = &self.0.collections.deliveries;
        let find = deliveries.find(doc! { "webhook": webhook }).sort(doc! { "_id": -1 }).projection(doc! { "_id": 1 });
        let first_old = self.0.find_rows(find.skip(KEPT_DELIVERIES as u64).limit(1).batch_size(2), |row| {
            read_fields!(row, id: "_id");
            id.required::<DeliveryId>()
        });
        if let Some(first_old) = first_old.await?.pop() {
            let old: Document = doc! { "webhook": webhook, "_id": { "$lte": first_old } };
            self.0.with_timeout(deliveries.delete_many(old)).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl DeliveryStore for MongoStore {
    async fn insert_deliveries(&self, deliveries: &[Delivery]) -> Result<()> {
        let Some(last) = deliveries.last() else { return Ok(()) };
        let encode = |delivery: &Delivery| {
            let text = serde_json::to_string(delivery).map_err(StoreError::internal)?;
            Ok(raw_document! {
                "_id": delivery.id, "webhook": delivery.webhook, "at": delivery.at, "delivery": text,
            })
        };
        let documents: Vec<_> = deliveries.iter().map(encode).collect::<Result<_>>()?;
        self.0.with_timeout(self.0.collections.deliveries.insert_many(documents)).await?;
        self.delete_old_deliveries(last.webhook).await
    }

    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let mut filter = doc! { "webhook": webhook };
        if let Some(before) = before {
            filter.insert("_id", doc! { "$lt": before });
        }
        let find = self.0.collections.deliveries.find(filter).sort(doc! { "_id": -1 }).limit(limit.into());
        self.0.find_rows(find.batch_size(limit.saturating_add(1)), decode).await
    }
}
