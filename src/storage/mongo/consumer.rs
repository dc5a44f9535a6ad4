//! Consumers of the event log, in the collection `consumers`:
//! `{ _id: NAME, definition, paused, version, created_at, updated_at, progress: JSON, stopped, fence, holder, lease_until,
//! retry_at }`. Times of leases and attempts come from the server (`$$NOW`).
//!
//! Decision: `docs/decisions/0032-consumers-of-the-log.md`.

use std::time::Duration;

use async_trait::async_trait;
use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{raw_document, read_fields},
    read::in_request_order,
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{Consumer, ConsumerChanges, Progress, Stamp, WebhookId},
    storage::{ConsumerStore, LeasedConsumer, Result, StoreError},
};

/// Consumers in one reply.
const BATCH: u32 = 1000;

fn decode(document: &RawDocument) -> Result<Consumer> {
    read_fields!(document, name: "_id", definition: "definition", paused: "paused", version: "version",
        created_at: "created_at", updated_at: "updated_at", progress: "progress");
    let progress: String = progress.required()?;
    Ok(Consumer {
        name: name.required()?,
        definition: definition.required()?,
        paused: paused.required()?,
        version: version.required()?,
        created_at: created_at.required()?,
        updated_at: updated_at.required()?,
        progress: serde_json::from_str(&progress).map_err(StoreError::internal)?,
    })
}

fn decode_leased(document: &RawDocument) -> Result<LeasedConsumer> {
    read_fields!(document, fence: "fence", retry_in: "retry_in");
    let retry_in: i64 = retry_in.required()?;
    Ok(LeasedConsumer {
        consumer: decode(document)?,
        fence: fence.required()?,
        retry_in: Duration::from_millis(u64::try_from(retry_in).unwrap_or(0)),
    })
}

fn encode(consumer: &Consumer) -> Result<RawDocumentBuf> {
    let Consumer { name, definition, paused, version, created_at, updated_at, progress } = consumer;
    Ok(raw_document! {
        "_id": name.clone(), "definition": definition.clone(), "paused": *paused, "version": *version,
        "created_at": *created_at, "updated_at": *updated_at, "progress": json(progress)?, "stopped": progress.stopped,
        "fence": 0_i64,
    })
}

fn json(progress: &Progress) -> Result<String> {
    serde_json::to_string(progress).map_err(StoreError::internal)
}

fn millis(duration: Duration) -> Result<i64> {
    i64::try_from(duration.as_millis()).map_err(StoreError::internal)
}

/// The time of the server after this many milliseconds.
fn after_now(millis: i64) -> Document {
    doc! { "$add": ["$$NOW", millis] }
}

/// The lease of a consumer has ended, or it has none.
fn is_free() -> Document {
    doc! {
        "paused": false, "stopped": false,
        "$expr": { "$lte": [{ "$ifNull": ["$lease_until", bson::DateTime::MIN] }, "$$NOW"] },
    }
}

/// The process has the lease of a consumer.
fn is_held_by(holder: i64) -> Document {
    doc! { "paused": false, "stopped": false, "holder": holder, "$expr": { "$gt": ["$lease_until", "$$NOW"] } }
}

impl Inner {
    async fn extend_leases(&self, holder: i64, lease: i64) -> Result<u64> {
        let set = vec![doc! { "$set": { "lease_until": after_now(lease) } }];
        let updated = self.with_timeout(self.collections.consumers.update_many(is_held_by(holder), set)).await?;
        Ok(updated.matched_count)
    }

    async fn take_free_leases(&self, holder: i64, most: i64, lease: i64, without: &[String]) -> Result<()> {
        let consumers = &self.collections.consumers;
        let mut wanted = is_free();
        wanted.insert("_id", doc! { "$nin": without });
        let find = consumers.find(wanted).projection(doc! { "_id": 1 }).limit(most).batch_size(BATCH);
        let names = self.find_rows(find, |row| {
            read_fields!(row, name: "_id");
            name.required::<String>()
        });
        let names = names.await?;
        if names.is_empty() {
            return Ok(());
        }
        // Another process may be faster: the condition is checked again where the lease is written.
        let mut free = is_free();
        free.insert("_id", doc! { "$in": names });
        let fence = doc! { "$add": ["$fence", 1_i64] };
        let set = vec![doc! { "$set": { "holder": holder, "lease_until": after_now(lease), "fence": fence } }];
        self.with_timeout(consumers.update_many(free, set)).await?;
        Ok(())
    }
}

impl Transaction {
    async fn change_consumer(
        &mut self,
        name: &str,
        changes: ConsumerChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> TransactionResult<Consumer> {
        self.check_admin(stamp).await?;
        let consumers = self.store.collections.consumers.clone();
        let stored = self.find_one(&consumers, doc! { "_id": name }, decode).await?;
        let consumer = stored.change(changes, expected_version, stamp.at)?;
        let set = doc! {
            "definition": consumer.definition.as_str(), "paused": consumer.paused, "version": consumer.version,
            "updated_at": consumer.updated_at, "progress": json(&consumer.progress)?,
            "stopped": consumer.progress.stopped,
        };
        let unset = doc! { "holder": "", "lease_until": "", "retry_at": "" };
        let update = doc! { "$set": set, "$unset": unset, "$inc": { "fence": 1_i64 } };
        self.update_each(&consumers, [(doc! { "_id": name }, update)]).await?;
        Ok(consumer)
    }
}

#[async_trait]
impl ConsumerStore for MongoStore {
    async fn insert_consumer(&self, consumer: &Consumer, stamp: Stamp) -> Result<()> {
        let document = encode(consumer)?;
        self.0
            .transaction(move |transaction| {
                let document = document.clone();
                Box::pin(async move {
                    transaction.check_admin(stamp).await?;
                    let consumers = transaction.store.collections.consumers.clone();
                    transaction.insert(&consumers, vec![document]).await
                })
            })
            .await
    }

    async fn change_consumer(
        &self,
        name: &str,
        changes: ConsumerChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Consumer> {
        let name = name.to_owned();
        self.0
            .transaction(move |transaction| {
                let (name, changes) = (name.clone(), changes.clone());
                Box::pin(async move { transaction.change_consumer(&name, changes, expected_version, stamp).await })
            })
            .await
    }

    async fn delete_consumer(&self, name: &str, stamp: Stamp) -> Result<()> {
        let name = name.to_owned();
        self.0
            .transaction(move |transaction| {
                let name = name.clone();
                Box::pin(async move {
                    transaction.check_admin(stamp).await?;
                    let consumers = transaction.store.collections.consumers.clone();
                    transaction.find_one(&consumers, doc! { "_id": name.as_str() }, decode).await?;
                    if let Ok(webhook) = name.parse::<WebhookId>() {
                        let deliveries = transaction.store.collections.deliveries.clone();
                        transaction.delete(&deliveries, doc! { "webhook": webhook }).await?;
                    }
                    transaction.delete(&consumers, doc! { "_id": name }).await
                })
            })
            .await
    }

    async fn consumers(&self, names: &[String]) -> Result<Vec<Option<Consumer>>> {
        let found = self.0.find_by(&self.0.collections.consumers, "_id", names, doc! {}, decode).await?;
        Ok(in_request_order(names, found, |consumer| Some(consumer.name.clone())))
    }

    async fn list_consumers(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<Consumer>> {
        // No name has a character that is larger.
        let names = doc! { "$gte": prefix, "$gt": after, "$lt": format!("{prefix}\u{10FFFF}") };
        let find = self.0.collections.consumers.find(doc! { "_id": names }).sort(doc! { "_id": 1 });
        self.0.find_rows(find.limit(limit.into()).batch_size(limit.saturating_add(1)), decode).await
    }

    async fn lease_consumers(
        &self,
        holder: i64,
        most: u32,
        lease: Duration,
        without: &[String],
    ) -> Result<Vec<LeasedConsumer>> {
        let lease = millis(lease)?;
        let held = self.0.extend_leases(holder, lease).await?;
        let free = i64::from(most).saturating_sub(i64::try_from(held).map_err(StoreError::internal)?);
        // A limit of 0 is none.
        if free > 0 {
            self.0.take_free_leases(holder, free, lease, without).await?;
        }
        let wait = doc! { "$subtract": [{ "$ifNull": ["$retry_at", "$$NOW"] }, "$$NOW"] };
        let retry_in = doc! { "$max": [Bson::Int64(0), wait] };
        let find = self.0.collections.consumers.find(is_held_by(holder)).sort(doc! { "_id": 1 });
        let projection = doc! {
            "definition": 1, "paused": 1, "version": 1, "created_at": 1, "updated_at": 1, "progress": 1, "fence": 1,
            "retry_in": retry_in,
        };
        self.0.find_rows(find.projection(projection).batch_size(BATCH), decode_leased).await
    }

    async fn save_progress(&self, name: &str, fence: i64, progress: &Progress, retry_in: Duration) -> Result<bool> {
        let set = doc! {
            // A text that begins with a dollar sign would be the name of a field.
            "progress": { "$literal": json(progress)? }, "stopped": progress.stopped,
            "retry_at": after_now(millis(retry_in)?),
        };
        let own = doc! { "_id": name, "fence": fence };
        let update = self.0.collections.consumers.update_one(own, vec![doc! { "$set": set }]);
        Ok(self.0.with_timeout(update).await?.matched_count == 1)
    }

    async fn release_consumers(&self, holder: i64) -> Result<()> {
        let unset = doc! { "$unset": { "holder": "", "lease_until": "" } };
        let update = self.0.collections.consumers.update_many(doc! { "holder": holder }, unset);
        self.0.with_timeout(update).await?;
        Ok(())
    }
}
