//! Attempts to deliver events to webhooks.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{
    row::{Json, blob_columns, json, named},
    store::SqliteStore,
};
use crate::{
    domain::{Delivery, DeliveryId, WebhookId},
    storage::{DeliveryStore, KEPT_DELIVERIES, Result},
};

blob_columns!(WebhookId, DeliveryId);

fn insert(db: &Connection, deliveries: &[Delivery]) -> Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO deliveries (webhook, id, at, delivery) VALUES (?1, ?2, ?3, ?4)")?;
    for delivery in deliveries {
        insert.execute(params![delivery.webhook, delivery.id, delivery.at, json(delivery)?])?;
    }
    if let Some(last) = deliveries.last() {
        db.prepare_cached(
            "DELETE FROM deliveries WHERE webhook = ?1 AND id <= \
             (SELECT id FROM deliveries WHERE webhook = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![last.webhook, KEPT_DELIVERIES as i64])?;
    }
    Ok(())
}

/// Deletes the attempts of a webhook.
pub(super) fn delete_of(db: &Connection, webhook: WebhookId) -> Result<()> {
    db.prepare_cached("DELETE FROM deliveries WHERE webhook = ?1")?.execute([webhook])?;
    Ok(())
}

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn insert_deliveries(&self, deliveries: &[Delivery]) -> Result<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let deliveries = deliveries.to_vec();
        self.write(move |db| insert(db, &deliveries)).await
    }

    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let before = before.map_or([u8::MAX; 16], DeliveryId::to_bytes);
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT delivery FROM deliveries WHERE webhook = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            let found = select.query_map(
                params![webhook, before, limit],
                named(|row| Ok(row.get::<Json<Delivery>>("delivery")?.0)),
            )?;
            Ok(found.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}
